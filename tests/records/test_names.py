"""Names as they stand in the tables."""

from __future__ import annotations

from sim.records.names import bare, names, vocabulary
from sim.scenario.model import Scenario


def texts(scenario: Scenario, name: str) -> list[str | None]:
    """The text of each code in order, then that of -1."""
    found = names(scenario).vocabularies[name]
    by_position = [*found.texts.to_pylist(), None]
    return [by_position[position] for position in found.positions]


def test_names_are_bare_unless_two_would_be_the_same_or_one_is_reserved() -> None:
    assert bare(["a.x", "b.y", "b.x"]) == ["a.x", "y", "b.x"]
    assert bare(["a.other", "clinic"], reserved=["other"]) == ["a.other", "clinic"]


def test_first_declared_code_and_null_where_there_is_none(scenario: Scenario) -> None:
    assert texts(scenario, "condition") == ["diabetes", "asthma", "lungs.other", None]
    assert texts(scenario, "condition.code") == ["44054006", "195967001", None, None]
    assert texts(scenario, "observation") == ["hba1c", "sugar.weight", "fev1", "lungs.weight", None]
    assert texts(scenario, "observation.system") == ["loinc", None, "loinc", "loinc", None]
    assert texts(scenario, "observation.unit") == ["%", "kg", "L", "kg", None]


def test_states_are_bare_within_their_axis(scenario: Scenario) -> None:
    assert texts(scenario, "axis") == ["sugar.course", "sugar.course", "lungs.course", "lungs.course", None]
    assert texts(scenario, "state") == ["none", "type_2", "none", "ill", None]
    assert texts(scenario, "state entered")[-1] == "dead"
    assert texts(scenario, "cause")[-1] == "other"


def test_levels_of_all_variables_follow_one_another(scenario: Scenario) -> None:
    assert names(scenario).first_level.tolist() == [-1, 0, -1, 3]
    assert texts(scenario, "level") == ["a", "b", "é ü", "mild", "bad", None]


def test_vocabularies_of_any_size_have_room() -> None:
    many = [str(number) for number in range(300)]
    found = vocabulary(many)
    assert [found.texts[position].as_py() for position in found.positions[:-1]] == many
    assert found.positions[-1] == -1
