"""The YAML underneath: version 1.2's scalars, places of keys and values, aliases, and texts that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.scenario import ScenarioError
from sim.scenario.diagnostics import Findings
from sim.scenario.loader import MAX_BYTES, Mapping, Scalar, Sequence, load_yaml, place, read_text


def read(text: str) -> Mapping:
    findings = Findings()
    node = load_yaml(text, "x.yaml", findings)
    assert findings.diagnostics == []
    return node


def errors(text: str) -> list[str]:
    findings = Findings()
    findings.attempt(lambda: load_yaml(text, "x.yaml", findings))
    return [d.rule for d in findings.diagnostics]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("Y", "Y"),
        ("true", True),
        ("False", False),
        ("tRue", "tRue"),
        ("null", None),
        ("~", None),
        ("", None),
        ("1:30", "1:30"),
        ("010", 10),
        ("0o10", "0o10"),
        ("1_000", "1_000"),
        ("1e-3", 0.001),
        ("-.5E2", -50.0),
        ("12.", 12.0),
        ("2000-01-31", "2000-01-31"),
        ("'12'", "12"),
        ('"true"', "true"),
        (".", "."),
        ("=", "="),
    ],
)
def test_scalars_follow_yaml_1_2(written: str, value: object) -> None:
    scalar = read(f"x: {written}")["x"]
    assert isinstance(scalar, Scalar)
    assert (type(scalar.value), scalar.value) == (type(value), value)


def test_every_key_and_value_has_its_place() -> None:
    node = read("a:\n  long key: [1, {b: two}]\nü: 'x'\n")
    inner = node["a"]
    assert isinstance(inner, Mapping)
    items = inner["long key"]
    assert isinstance(items, Sequence)
    (one, mapping) = items
    assert isinstance(mapping, Mapping)
    assert str(place(items)) == "x.yaml:2:3"
    assert place(items).length == len("long key")
    assert str(items.span) == "x.yaml:2:13"
    assert str(one.span) == "x.yaml:2:14"
    assert str(place(mapping["b"])) == "x.yaml:2:18"
    assert str(mapping["b"].span) == "x.yaml:2:21"
    assert str(node["ü"].span) == "x.yaml:3:4"


@pytest.mark.parametrize(
    ("text", "written", "line", "column"),
    [
        ("x: a + b", "a + b", 1, 4),
        ("x: 'a + b'", "a + b", 1, 5),
        ("x:\n  a +\n    b", "a +\n    b", 2, 3),
        ("x: >-\n  a +\n  b\n", "  a +\n  b\n", 2, 1),
        ('x: "a \\t b"', "a \t b", 1, 5),
    ],
)
def test_what_is_written_keeps_its_lines(text: str, written: str, line: int, column: int) -> None:
    scalar = read(text)["x"]
    assert isinstance(scalar, Scalar)
    assert scalar.written == written
    assert (scalar.origin.line, scalar.origin.column) == (line, column)


def test_the_last_line_of_a_map_is_that_of_its_last_value() -> None:
    node = read("a:\n  b: 1\n  c: >-\n    text\n\nd:\n  {e: 1,\n   f: 2}\n")
    assert isinstance(node["a"], Mapping)
    assert isinstance(node["d"], Mapping)
    assert node["a"].last_line == 5
    assert node["d"].last_line == 8


def test_an_anchor_is_read_as_often_as_it_is_used() -> None:
    node = read("a: &x {b: 1}\nc: *x\n")
    assert node["c"] == node["a"]
    assert str(place(node["c"])) == "x.yaml:2:1"


def test_an_expansion_bomb_is_refused() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for i in range(1, 12):
        bomb += f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n"
    assert errors(bomb) == ["too-large"]


@pytest.mark.parametrize("text", ["a: &x [*x]", "a: *x\nb: &x 1", "a: &x {b: *x}"])
def test_an_alias_needs_an_anchor_before_it(text: str) -> None:
    assert errors(text) == ["unknown-alias"]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_depth_is_bounded(opening: str) -> None:
    findings = Findings()
    findings.attempt(lambda: load_yaml("a: \n " + opening * 3000, "x.yaml", findings))
    assert [(d.rule, d.message) for d in findings.diagnostics] == [
        ("too-deep", "this is nested more than 100 levels deep")
    ]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("- a\n- b", "not-a-mapping"),
        ("just words", "not-a-mapping"),
        ("# nothing\n", "empty-file"),
        ("? [a]\n: b", "bad-key"),
        ("a: !!int 5", "yaml-tag"),
        ("a: 1\n---\nb: 2", "two-documents"),
        ("a: 1\na: 2", "duplicate-key"),
        ("a: {b: 1, b: 2}", "duplicate-key"),
        ("a: [1, 2\nb: 3", "yaml"),
        ("a: {b: 1", "yaml"),
        ("a: 'b", "yaml"),
        ("a: [b}", "yaml"),
        ('a: "\\q"', "yaml"),
        ("%x\na: 1", "yaml"),
        ("a: b: c", "yaml"),
        ("a: 'b' c", "yaml"),
        ("a: - b", "yaml"),
        ("- a\nb: 1", "yaml"),
        ("a: 1\n  \tb: 2", "tab"),
        ("a: |x\n b", "yaml"),
    ],
)
def test_a_text_that_is_no_map_is_one_error(text: str, rule: str) -> None:
    assert errors(text) == [rule]


def test_the_comma_trap_is_mended_so_that_nothing_follows_from_it() -> None:
    findings = Findings()
    text = (
        "a: {rate: base * season(peak=september, amplitude=0.5), while: in(active)}\nb: [f(1, g(2, 3)), 4]\n"
    )
    node = load_yaml(text, "x.yaml", findings)
    exit_, items = node["a"], node["b"]
    assert isinstance(exit_, Mapping)
    assert isinstance(items, Sequence)
    assert list(exit_) == ["rate", "while"]
    assert isinstance(exit_["rate"], Scalar)
    assert exit_["rate"].text == "base * season(peak=september, amplitude=0.5)"
    assert [i.text for i in items if isinstance(i, Scalar)] == ["f(1, g(2, 3))", "4"]
    assert [d.rule for d in findings.diagnostics] == ["comma-in-braces"] * 2
    first = findings.diagnostics[0]
    assert (first.span.line, first.span.column) == (1, text.index(",") + 1)
    assert (
        first.fix
        == 'put `rate:` on its own line, or quote it: "base * season(peak=september, amplitude=0.5)"'
    )


def test_a_text_with_commas_is_one_trap() -> None:
    findings = Findings()
    text = (
        "a: {about: the mean, per year, of all, value: 3}\nb: {about: x, rate: , y: 1}\nc: {value: 3, mean}"
    )
    node = load_yaml(text, "x.yaml", findings)
    (found,) = findings.diagnostics
    assert (found.rule, found.span.line, found.span.column) == ("comma-in-braces", 1, text.index(",") + 1)
    assert found.fix == 'put `about:` on its own line, or quote it: "the mean, per year, of all"'
    assert [list(part) for part in node.values() if isinstance(part, Mapping)] == [
        ["about", "value"],
        ["about", "rate", "y"],
        ["value", "mean"],
    ]


@pytest.mark.parametrize("text", ["a: {b: f(1, c: 2}", "a: {b: (1, 2}", "a: [f(1, {x: 1}]"])
def test_a_parenthesis_that_is_never_closed_is_no_comma_trap(text: str) -> None:
    assert errors(text) == []


def test_files_that_are_no_text(tmp_path: Path) -> None:
    def rule(path: Path) -> str:
        with pytest.raises(ScenarioError) as raised:
            read_text(path)
        (found,) = raised.value.diagnostics
        return found.rule

    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "blank").write_bytes(b" \n\n")
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "latin").write_bytes("größe: 1".encode("latin-1"))
    (tmp_path / "nul").write_bytes(b"a: 1\nb: \0\n")
    (tmp_path / "huge").write_bytes(b"#" * (MAX_BYTES + 1))
    (tmp_path / "bom").write_bytes(b"\xef\xbb\xbfa: 1")
    assert rule(tmp_path) == "not-a-file"
    assert rule(tmp_path / "nowhere") == "missing-file"
    assert rule(tmp_path / "empty") == "empty-file"
    assert rule(tmp_path / "blank") == "empty-file"
    assert rule(tmp_path / "binary") == "not-text"
    assert rule(tmp_path / "latin") == "not-text"
    assert rule(tmp_path / "nul") == "not-text"
    assert rule(tmp_path / "huge") == "too-large"
    assert rule(Path("/dev/null")) == "not-a-file"
    assert rule(tmp_path / ("x" * 5000)) == "unreadable-file"
    assert read_text(tmp_path / "bom") == "a: 1"
