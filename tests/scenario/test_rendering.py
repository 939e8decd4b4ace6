"""How a finding looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.scenario import Diagnostic, render
from sim.scenario.model import Span


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_place_rule_message_line_caret_and_fix(folder: Path) -> None:
    path = folder / "crc.yaml"
    path.write_text("a: 1\n  rate: onst * 2\n")
    finding = Diagnostic(
        "unknown-name", "there is no `onst`", Span(str(path), 2, 9, 4), "did you mean `onset`?"
    )
    assert render(finding) == (
        "crc.yaml:2:9  error[unknown-name]  there is no `onst`\n"
        " 2 |   rate: onst * 2\n"
        "   |         ^^^^\n"
        "    fix: did you mean `onset`?"
    )


def test_a_warning_says_so_and_a_fix_may_be_missing(folder: Path) -> None:
    Path("x.yaml").write_text("a: 1\n")
    finding = Diagnostic("no-source", "`a` has no source", Span("x.yaml", 1, 1), severity="warning")
    assert render(finding) == "x.yaml:1:1  warning[no-source]  `a` has no source\n 1 | a: 1\n   | ^"


def test_a_file_elsewhere_keeps_its_path(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("other") / "x.yaml"
    path.write_text("a: 1\n")
    assert render(Diagnostic("r", "m", Span(str(path), 1, 1))).startswith(f"{path}:1:1  error[r]  m\n")


def test_what_has_no_line_has_no_excerpt(folder: Path) -> None:
    Path("empty.yaml").write_text("\n")
    for span in (Span("nowhere.yaml", 3, 1), Span("empty.yaml", 1, 1), Span("empty.yaml", 9, 1)):
        assert "\n" not in render(Diagnostic("r", "m", span))
    assert render(Diagnostic("r", "m", Span("--set onset", 1, 1))) == "--set onset  error[r]  m"


def test_the_caret_stands_under_the_place_whatever_comes_before(folder: Path) -> None:
    Path("x.yaml").write_text("\t日本: ü\u0301ber x\n")
    line = Path("x.yaml").read_text()
    _, excerpt, caret = render(Diagnostic("r", "m", Span("x.yaml", 1, line.index("x") + 1))).splitlines()
    assert excerpt == " 1 |  日本: ü\u0301ber x"
    # the tab has become a space, two characters are two columns wide, one takes none
    assert caret == "   |" + " " * (1 + 1 + 4 + 2 + 4 + 1) + "^"


def test_a_long_line_is_cut_around_the_place(folder: Path) -> None:
    Path("x.yaml").write_text("a" * 500 + "HERE" + "b" * 500 + "\n")
    _, excerpt, caret = render(Diagnostic("r", "m", Span("x.yaml", 1, 501, 4))).splitlines()
    assert len(excerpt) < 130
    assert excerpt[caret.index("^") :].startswith("HERE")
    assert caret.count("^") == 4


def test_colors_are_only_for_terminals(folder: Path) -> None:
    Path("x.yaml").write_text("a: 1\n")
    finding = Diagnostic("r", "m", Span("x.yaml", 1, 1), "f")
    assert "\x1b" not in render(finding)
    colored = render(finding, color=True)
    assert "\x1b[1;31merror[r]\x1b[0m" in colored
    assert "\x1b[32mfix:\x1b[0m f" in colored
