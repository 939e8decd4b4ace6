"""A program is a value: equal for equal scenarios, other for others, and it can be sent elsewhere."""

import pickle
from pathlib import Path

import numpy as np

from sim import engine, program
from sim.scenario import load

SMALL = Path(__file__).parents[1] / "scenario" / "data" / "complete"


def test_it_can_be_sent_elsewhere_and_lives_the_same_lives() -> None:
    here = program.compile(load(SMALL))
    there = pickle.loads(pickle.dumps(here))
    assert there.hash == here.hash
    for mine, its in zip(
        engine.simulate(here, range(50), 3), engine.simulate(there, range(50), 3), strict=True
    ):
        for a, b in zip(mine, its, strict=True):
            np.testing.assert_array_equal(a, b)


def test_equal_scenarios_have_equal_hashes_and_a_changed_number_another() -> None:
    first = program.compile(load(SMALL)).hash
    assert program.compile(load(SMALL)).hash == first
    name = next(p.name for p in load(SMALL).parameters if p.value is not None and p.type.kind == "rate")
    assert program.compile(load(SMALL, {name: "0.0123 per year"})).hash != first
