"""Behaviours: what they hear, what they do, and what goes wrong in them."""

from __future__ import annotations

import datetime
import hashlib
import itertools
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sim
from sim.agents import Population, simulate
from sim.agents.loading import described
from sim.engine.log import NULL, Log
from sim.engine.streams import site_key, uniform
from sim.scenario.model import DAYS_PER_YEAR, Behaviour, Scenario

World = Callable[..., Scenario]

FRAME = """\
scenario: small world
window: {from: 1970-01-01, to: 2020-01-01}
population:
  size: 1
  born: {from: 1950-01-01, to: 1951-01-01}
  sex: {female: 0.5, male: 0.5}
  variables: {smoker: bernoulli(0.5), place: "categorical(town=0.5, country=rest)"}
pathways: [world.yaml]
providers: {clinic: {class: ambulatory}, ward: {class: inpatient}}
"""
LISTENING = FRAME + "behaviours: nurse:Nurse\n"
PATHWAY = """\
variables: {dose: 1, since_when: 2000-01-01, pause: 3 days}
disease:
  joints:
    sound:
      -> sore: {after: "uniform(20 years, 60 years)"}
    sore: {}
biomarkers:
  urate:
    unit: mmol/L
    value: 0.3 + 0.01 * age
    measurement_error: normal(0, 0.02)
    range: 0.1 to 2
    decimals: 2
conditions: {gout: {snomed: "90560007"}, worry: {}}
procedures: {puncture: {}}
drugs: {allopurinol: {}}
care:
  look:
    starts: {upon: sore}
    steps:
      - visit: clinic
        steps: STEPS
      - wait: 30 days
      - visit: ward
        steps: [{test: urate}, {resolve: gout}]
  aside:
    steps: [{wait: 1 day}, {perform: puncture}]
"""
BY_STEPS = PATHWAY.replace(
    "STEPS",
    """[
          {set: {dose: dose + 2}}, {set: {place: country}}, {diagnose: gout}, {prescribe: allopurinol},
          {perform: puncture}, {start: aside},
          {diagnose: worry}, {resolve: worry}, {stop: allopurinol}]""",
)
BARE = PATHWAY.replace("STEPS", "[]")
NURSE = '''\
import sim

class Nurse(sim.Behaviour):
    """BODY"""
    def happened(self, patient, event):
        BODY
'''


def nurse(body: str) -> dict[str, str]:
    """The file of a behaviour that does this when something happens."""
    return {"nurse.py": NURSE.replace("        BODY\n", "".join(f"        {x}\n" for x in body.splitlines()))}


def equal(a: Log, b: Log) -> bool:
    return all(np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in zip(a, b, strict=True))


# ---- hearing


class Ear(sim.Behaviour):
    """Notes what it hears, for the tests."""

    heard: list[tuple[int, sim.Event]] = []  # noqa: RUF012
    asked: list[tuple[str, bool, bool]] = []  # noqa: RUF012

    def entered(self, patient: sim.Person) -> None:
        self.heard.append((patient.number, sim.Event("state", "(entered)", patient.age)))

    def happened(self, patient: sim.Person, event: sim.Event) -> None:
        self.heard.append((patient.number, event))
        life = patient.life
        self.asked.append((event.name, "world.look" in life.running, "world.gout" in life.diagnosed))
        assert patient.age == event.age


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> type[Ear]:
    """Ear, as a class of an installed module."""
    module = type(sys)("ears_of_tests")
    module.Ear = Ear  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ears_of_tests", module)
    Ear.heard, Ear.asked = [], []
    return Ear


def hearing(scenario: Scenario, *names: str) -> Scenario:
    span = scenario.population.span
    classes = (name.split(":") for name in names or ("ears_of_tests:Ear",))
    return replace(scenario, behaviours=tuple(Behaviour(*parts, span, scenario.folder) for parts in classes))


def test_all_is_heard_in_order_and_after_who_waits_upon_it(world: World, ear: type[Ear]) -> None:
    scenario = hearing(
        world(BY_STEPS.replace("steps: [{test", "steps: [{diagnose: gout}, {test"), frame=FRAME)
    )
    people, log = simulate(scenario, range(1), 3)
    kinds = [(event.kind, event.name) for _, event in ear.heard]
    assert kinds == [
        ("state", "(entered)"),
        ("state", "world.sore"),
        ("protocol", "world.look"),
        ("visit", "clinic"),
        ("condition", "world.gout"),
        ("drug", "world.allopurinol"),
        ("procedure", "world.puncture"),
        ("protocol", "world.aside"),
        ("condition", "world.worry"),
        ("procedure", "world.puncture"),
        ("visit", "ward"),
        ("observation", "world.urate"),  # gout is on the list already: nothing happens
    ]
    ages = [event.age for _, event in ear.heard]
    assert ages == sorted(ages)
    assert ages[0] == 0.0
    assert ear.asked[0] == ("world.sore", True, False)  # the protocol that waits upon it has started
    assert ear.asked[3] == ("world.gout", True, True)
    observed = log.value[log.kind == 2]
    assert [event.value for _, event in ear.heard if event.kind == "observation"] == observed.tolist()
    sore = people.birth[0] + ages[1] * DAYS_PER_YEAR
    assert int(sore) == log.start[(log.kind == 6) & (log.aux >= 0)][0] // 86400


def test_death_is_heard_with_its_cause_and_nothing_after(world: World, ear: type[Ear]) -> None:
    pathway = """\
disease:
  heart:
    well:
      -> attack: {after: 30 years}
    attack:
      -> dead: {upon: chest_pain, cause: heart_attack}
conditions: {heart_attack: {}}
procedures: {cry: {}}
care:
  chest_pain: {starts: {upon: attack}, steps: [{perform: cry}]}
"""
    simulate(hearing(world(pathway, frame=FRAME)), range(1), 1)
    assert [(e.kind, e.name) for _, e in ear.heard][1:] == [
        ("state", "world.attack"),
        ("death", "world.heart_attack"),
    ]


def test_they_follow_a_patient_from_entry_on(world: World, ear: type[Ear]) -> None:
    frame = FRAME.replace("  variables", "  entry: 30 years\n  variables")
    scenario = world("disease:\n  a:\n    b:\n      -> c: {after: 1 day}\n    c: {}\n", frame=frame)
    simulate(hearing(scenario), range(2), 1)
    days = [(number, round((event.age - 30) * DAYS_PER_YEAR, 6)) for number, event in ear.heard]
    assert sorted(days) == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_each_life_has_an_instance_of_its_own_and_a_memory_that_behaviours_share(world: World) -> None:
    code = """\
import sim

class Nurse(sim.Behaviour):
    def __init__(self):
        self.seen = set()
    def entered(self, patient):
        assert patient.memory == {}
        patient.memory["number"] = patient.number
    def happened(self, patient, event):
        self.seen.add(patient.number)
        assert self.seen == {patient.number}

class Other(sim.Behaviour):
    def entered(self, patient):
        assert patient.memory == {"number": patient.number}
        patient.memory.clear()
        patient.memory["again"] = True
    def happened(self, patient, event):
        assert patient.memory == {"again": True}
"""
    frame = FRAME + "behaviours: [nurse:Nurse, nurse:Other]\n"
    people, _ = simulate(world(BY_STEPS, frame=frame, tables={"nurse.py": code}), range(20), 1)
    assert len(people.patient) == 20


# ---- reading


def test_a_patient_can_be_read(world: World) -> None:
    code = nurse(
        """\
import datetime, math
if event.kind == "drug":
    assert patient.number == 4 and patient.sex == patient.variable("sex") in ("female", "male")
    days = math.floor(patient.life.birth + patient.time)
    assert patient.today == datetime.date(1970, 1, 1) + datetime.timedelta(days)
    assert patient.age == patient.time / 365.25 == event.age
    assert patient.state("joints") == patient.state("world.joints") == "sore"
    assert patient.variable("smoker") in (True, False) and isinstance(patient.variable("smoker"), bool)
    assert patient.variable("place") == "country" and patient.variable("dose") == 3.0
    assert patient.variable("since_when") == 10957.0 and patient.variable("pause") == 3.0
    assert math.isnan(patient.last("urate")) and math.isnan(patient.first("urate"))
    assert abs(patient.usual("urate") - (0.3 + 0.01 * patient.age)) < 1e-12
    assert patient.diagnosed("gout") and not patient.diagnosed("worry")
    assert patient.prescribed("allopurinol") and patient.running("look") and not patient.running("aside")
    assert patient.count("provider", "clinic") == 1 and patient.count("drug", "allopurinol") == 1
    assert not patient.waits_for("clinic")
    patient.memory["done"] = True
elif event.kind == "observation":
    assert patient.memory and patient.last("urate") == patient.first("urate") == event.value"""
    )
    simulate(world(BY_STEPS, frame=LISTENING, tables=code), range(4, 5), 1)


# ---- doing

DOES = """\
if event.kind == "visit" and event.name == "clinic":
    patient.set("dose", patient.variable("dose") + 2)
    patient.set("place", "country")
    patient.diagnose("gout")
    patient.prescribe("world.allopurinol")
    patient.perform("puncture")
    patient.start("aside")
    patient.diagnose("worry")
    patient.resolve("worry")
    patient.stop("allopurinol")"""


def test_a_behaviour_writes_what_the_steps_write(world: World) -> None:
    by_steps = simulate(world(BY_STEPS, frame=FRAME), range(50), 2)
    told = simulate(world(BARE, frame=LISTENING, tables=nurse(DOES)), range(50), 2)
    assert len(by_steps[1].kind) > 400
    assert equal(by_steps[1], told[1])
    assert equal(by_steps[0], told[0])  # type: ignore[arg-type]


def test_outside_a_visit_there_is_no_encounter(world: World) -> None:
    code = nurse('if event.name == "world.sore": patient.perform("puncture"); patient.diagnose("gout")')
    _, log = simulate(world(BARE, frame=LISTENING, tables=code), range(50), 2)
    first = (log.kind == 4) | (log.kind == 1)
    assert first.sum() > 20
    assert (log.encounter[first] == NULL).all()


def test_an_observation_is_a_result_like_any_other(world: World) -> None:
    code = nurse(
        """\
if event.name == "clinic":
    patient.observe("urate", 0.125)
    patient.observe("urate", 7)
elif event.kind == "observation":
    patient.memory.setdefault("heard", []).append(event.value)
    if event.value == 2.0:
        assert patient.memory["heard"] == [0.13, 2.0] and patient.count("biomarker", "urate") == 2"""
    )
    _, log = simulate(world(BARE, frame=LISTENING, tables=code), range(1), 3)
    observed = log.kind == 2
    assert log.value[observed][:2].tolist() == [0.13, 2.0]  # halves up, clipped
    assert (log.encounter[observed] != NULL).all()


def test_what_it_sets_moves_rates_and_triggers_at_once(world: World) -> None:
    pathway = """\
variables: {alarm: bernoulli(0)}
disease:
  a:
    quiet:
      -> loud: {after: 30 years}
    loud: {}
procedures: {ring: {}}
care:
  bell: {starts: {when: alarm}, steps: [{perform: ring}]}
"""
    code = nurse('if event.name == "world.loud": patient.set("alarm", True)')
    _, log = simulate(world(pathway, frame=LISTENING, tables=code), range(3), 1)
    rung = log.kind == 4
    assert log.start[rung].tolist() == log.start[(log.kind == 6) & (log.aux >= 0)].tolist()
    assert rung.sum() == 3


# ---- chance


def test_draws_are_of_streams_of_their_own(world: World) -> None:
    code = nurse(
        """\
a = [patient.uniform("coin"), patient.uniform("coin"), patient.uniform()]
patient.set("dose", a[patient.memory.setdefault("n", 0)])
patient.memory["n"] = min(patient.memory["n"] + 1, 2)"""
    )
    scenario = world(BARE.replace("[{test: urate}, {resolve: gout}]", "[]"), frame=LISTENING, tables=code)
    _, log = simulate(scenario, range(7, 8), 5)
    doses = log.value[(log.kind == 7) & (log.seq > 6)]
    coin, draws = (site_key(5, f"behaviours/nurse:Nurse/{name}") for name in ("coin", "draws"))
    expected = [
        uniform(np.uint64(coin), 1, 0, 7),
        uniform(np.uint64(coin), 4, 0, 7),
        uniform(np.uint64(draws), 3, 0, 7),
    ]
    assert doses[:3].tolist() == expected


def test_who_only_draws_changes_no_row(world: World) -> None:
    code = nurse('patient.draw("normal", 0, 1, stream="a"); patient.uniform(); patient.usual("urate")')
    scenario = world(BY_STEPS, frame=LISTENING, tables=code)
    with_it = simulate(scenario, range(100), 4)
    without = simulate(replace(scenario, behaviours=()), range(100), 4)
    assert equal(with_it[1], without[1])


def test_draws_follow_their_distributions(world: World) -> None:
    code = nurse(
        """\
if "done" not in patient.memory:
    patient.memory["done"] = True
    u = [patient.draw("uniform", 0, 1, stream=str(i)) for i in range(3)]
    assert u[0] != u[1] != u[2]
    patient.set("dose", patient.draw("normal", 120, 10))
    assert patient.draw("bernoulli", 1) == 1.0 and patient.draw("bernoulli", 0) == 0.0"""
    )
    scenario = world(BARE, frame=LISTENING, tables=code)
    _, log = simulate(scenario, range(400), 4)
    dose = log.value[(log.kind == 7) & (log.value > 50) & (log.value < 1000)]
    assert len(dose) > 300
    assert abs(dose.mean() - 120) < 5 * 10 / np.sqrt(len(dose))


def test_shards_of_any_size_give_the_same_bytes(world: World, tmp_path: Path) -> None:
    scenario = world(BARE, frame=LISTENING, tables=nurse(DOES + '\npatient.set("dose", patient.uniform())'))
    runs = [
        sim.run(scenario, patients=30, out=tmp_path / str(size), shard_size=size, threads=threads)
        for size, threads in ((30, 1), (7, 2))
    ]
    assert runs[0].digest == runs[1].digest
    whole = simulate(scenario, range(30), 1)[1]
    parts = [simulate(scenario, range(start, start + 10), 1)[1] for start in (0, 10, 20)]
    assert equal(whole, Log(*(np.concatenate(columns) for columns in zip(*parts, strict=True))))


# ---- importing

SIDE_EFFECT = """\
from pathlib import Path
with open(Path(__file__).with_name("imported"), "a") as file:
    file.write("x")
import sim
class Nurse(sim.Behaviour): pass
"""


def test_only_a_run_imports_and_leaves_nothing_behind(world: World, tmp_path: Path) -> None:
    before = list(sys.path)
    scenario = world(BARE, frame=LISTENING, tables={"nurse.py": SIDE_EFFECT})
    _, findings = sim.check(tmp_path)
    assert not [finding for finding in findings if finding.severity == "error"]
    assert not (tmp_path / "imported").exists()
    simulate(scenario, range(1), 1)
    Population(scenario, patients=1).run()
    assert (tmp_path / "imported").read_text() == "xx"
    assert sys.path == before
    assert "nurse" not in sys.modules
    assert not (tmp_path / "__pycache__").exists()


def test_modules_of_two_scenarios_do_not_meet(world: World, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    first = world(BARE, frame=LISTENING, tables=nurse('patient.set("dose", 11)'))
    second = replace(first, behaviours=tuple(replace(b, folder=str(other)) for b in first.behaviours))
    (other / "nurse.py").write_text(nurse('patient.set("dose", 22)')["nurse.py"])
    for scenario, dose in ((first, 11.0), (second, 22.0), (first, 11.0)):
        assert dose in simulate(scenario, range(3), 1)[1].value
    assert 22.0 not in simulate(first, range(3), 1)[1].value


def test_a_module_in_a_folder_with_dataclasses(world: World, tmp_path: Path) -> None:
    (tmp_path / "wards").mkdir()
    (tmp_path / "wards" / "rules.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\nimport sim\n"
        "@dataclass\nclass Plan:\n    dose: float = 5.5\n"
        "class Nurse(sim.Behaviour):\n"
        "    def entered(self, patient):\n        patient.set('dose', Plan().dose)\n"
    )
    scenario = world(BARE, frame=FRAME + "behaviours: wards.rules:Nurse\n")
    assert 5.5 in simulate(scenario, range(1), 1)[1].value


def test_a_run_says_what_code_it_ran(world: World, tmp_path: Path) -> None:
    scenario = world(BARE, frame=LISTENING, tables=nurse("pass"))
    code = (tmp_path / "nurse.py").read_bytes()
    (told,) = described(scenario)
    assert told == {
        "class": "nurse:Nurse",
        "file": "nurse.py",
        "sha256": hashlib.sha256(code).hexdigest(),
        "audited": False,
    }
    json.dumps(told)


@pytest.mark.parametrize(
    ("written", "code", "message"),
    [
        ("nurse:Nurse", None, "there is no file .*nurse.py, and no package `nurse` is installed"),
        ("json:Nurse", None, "there is no `Nurse` in .*json"),
        (
            "nurse:Nurce",
            "import sim\nclass Nurse(sim.Behaviour): pass\n",
            "there is no `Nurce` in .*nurse.py",
        ),
        ("nurse:Nurse", "class Nurse: pass\n", "`Nurse` in .*nurse.py is no subclass of sim.Behaviour"),
        ("nurse:Nurse", "Nurse = 3\n", "is no subclass of sim.Behaviour"),
        ("nurse:Nurse", "\n1 / 0\n", r"`nurse` cannot be imported: ZeroDivisionError: .* \(.*nurse.py:2\)"),
        ("nurse:Nurse", "\n\ndef x(:\n", r"cannot be imported: SyntaxError: .* \(.*nurse.py:3\)"),
        ("nurse:Nurse", "import sys\nsys.exit(3)\n", r"cannot be imported: SystemExit: 3 \(.*nurse.py:2\)"),
        ("nurse:Nurse", "import no_such_thing\n", r"No module named 'no_such_thing' \(.*nurse.py:1\)"),
    ],
)
def test_what_cannot_be_imported_is_one_error_with_its_place(
    world: World, tmp_path: Path, written: str, code: str | None, message: str
) -> None:
    files = {} if code is None else {"nurse.py": code}
    scenario = world(BARE, frame=FRAME + f"behaviours: {written}\n", tables=files)
    with pytest.raises(sim.ScenarioError, match=message) as told:
        sim.run(scenario, out=tmp_path / "run")
    (diagnostic,) = told.value.diagnostics
    line = len(FRAME.splitlines()) + 1
    assert (diagnostic.rule, diagnostic.span.line, diagnostic.span.column) == ("no-behaviour", line, 13)
    assert Path(diagnostic.span.file).name == "scenario.yaml"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise RuntimeError('no\\n  idea')", "RuntimeError: no idea"),
        ("{}['key']", "KeyError: key"),
        ("import sys; sys.exit('enough')", "SystemExit: enough"),
        ("patient.set('dosis', 1)", "no variable 'dosis'; did you mean `dose`?"),
        ("patient.set('sex', 'male')", "ValueError: sex is drawn at birth, and stays"),
        ("patient.set('dose', True)", "TypeError: world.dose is a number, not True"),
        ("patient.set('dose', 'much')", "TypeError: world.dose is a number, not 'much'"),
        ("patient.set('dose', float('nan'))", "ValueError: world.dose cannot be nan"),
        ("patient.set('smoker', 1)", "TypeError: population.smoker is True or False, not 1"),
        ("patient.set('place', 'sea')", "ValueError: population.place is one of town, country, not 'sea'"),
        ("patient.start('looks')", "no protocol 'looks'"),
        ("patient.observe('urate', None)", "TypeError: a result of world.urate is a number, not None"),
        ("patient.observe('urate', float('inf'))", "ValueError: a result of world.urate is finite, not inf"),
        ("patient.diagnose('allopurinol')", "no condition 'allopurinol'"),
        ("patient.draw('normel', 0, 1)", "no distribution 'normel'; did you mean `normal`?"),
        ("patient.draw('normal', 0)", "normal has the parameters mean, sd"),
        ("patient.draw('normal', 0, -1)", "normal cannot have the parameters"),
        ("patient.draw('bernoulli', 1.5)", "bernoulli cannot have the parameters"),
    ],
)
def test_what_fails_in_a_behaviour_is_one_error_with_its_place(
    world: World, tmp_path: Path, body: str, message: str
) -> None:
    scenario = world(BARE, frame=LISTENING, tables=nurse(f"\n{body}"))
    with pytest.raises(sim.LifeError) as told:
        sim.run(scenario, out=tmp_path / "run", patients=range(3, 5))
    fault = told.value.fault
    line = NURSE.splitlines().index("        BODY") + 2
    assert fault.message.startswith("the behaviour nurse:Nurse failed: ")
    assert message in fault.message
    assert "\n" not in fault.message
    assert fault.message.endswith(f"nurse.py:{line})")
    assert (fault.patient, fault.span) == (3, scenario.behaviours[0].span)
    assert not (tmp_path / "run").exists()


def test_the_dead_are_left_alone(world: World) -> None:
    pathway = BARE.replace("sore: {}", "sore: {-> dead: {after: 1 day, cause: gout}}")
    code = nurse('if event.kind == "death": patient.perform("puncture")')
    with pytest.raises(sim.LifeError, match="the patient has died"):
        simulate(world(pathway, frame=LISTENING, tables=code), range(1), 1)


def test_an_endless_answer_to_itself_is_an_error(world: World) -> None:
    code = nurse('patient.perform("puncture")')
    with pytest.raises(sim.LifeError, match="sets off itself again and again"):
        simulate(world(BARE, frame=LISTENING, tables=code), range(1), 1)


def test_lives_that_are_drawn_again_leave_no_trace(world: World) -> None:
    """A life that ends too early is lived with a behaviour of its own, and so is the next."""
    pathway = """\
disease:
  a:
    well:
      -> dead: {rate: 0.05 per year, cause: illness}
conditions: {illness: {}}
procedures: {note: {}}
"""
    frame = """\
scenario: old
window: {from: 2000-01-01, to: 2001-01-01}
population: {size: 1, alive_on: {date: 2000-01-01, ages: ages.csv}}
pathways: [world.yaml]
behaviours: nurse:Nurse
"""
    code = """\
import sim
class Nurse(sim.Behaviour):
    def __init__(self):
        self.dead = False
    def happened(self, patient, event):
        assert not self.dead
        self.dead = event.kind == "death"
    def entered(self, patient):
        assert not self.dead and patient.today.year < 1980
"""
    ages = "age,sex,population\n40-50,female,1\n40-50,male,1\n"
    people, _ = simulate(
        world(pathway, frame=frame, tables={"nurse.py": code, "ages.csv": ages}), range(30), 1
    )
    assert people.attempts.max() > 1
    assert len(people.patient) == 30


def test_the_example_calls_sooner_while_pressure_stays_high() -> None:
    scenario = sim.load(Path(__file__).parents[2] / "scenarios" / "blood_pressure_coaching")
    _, log = simulate(scenario, range(60), 1)
    interval = next(i for i, v in enumerate(scenario.variables) if v.name == "coaching.call_interval")
    for patient in range(60):
        mine = log.patient == patient
        time = log.start[mine & (log.kind == 2)] / 86400
        reading = log.value[mine & (log.kind == 2)]
        expected, days = [], 56.0
        for before, now in itertools.pairwise(reading):
            if before >= 140 and now >= 140:
                days = max(days / 2, 14.0)
            elif before < 140 and now < 140:
                days = min(days * 2, 112.0)
            else:
                continue
            expected.append(days)
        chosen = mine & (log.kind == 7) & (log.code == interval) & (log.seq > 3)
        assert log.value[chosen].tolist() == expected
        assert np.all(np.diff(time) >= 13.99)
    assert (
        datetime.date(2006, 1, 1).toordinal() - datetime.date(1970, 1, 1).toordinal()
        <= log.start[log.kind == 0].min() / 86400
    )
