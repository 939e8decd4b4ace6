"""Runs the fenced blocks of a document, in their order, in one folder; where a document is a page of several
that are numbered, with the files of the pages before.

block                       what happens
--------------------------  ------------------------------------------------------------------------------
yaml, csv, python           whose first line is `# file: PATH` is written there
yaml                        is laid out as a scenario (see `frame`), must check without a finding, and 20
                            people live it, the same lives on both runtimes where the kernel can run it
yaml                        whose first line is `# warning: RULE, ...` must give just these warnings
console                     each line `$ command` is run; what it prints is what follows
python                      is run, all blocks of a document in one namespace
text                        what the python block before it prints
sh                          is not run: installs or builds; its `make` targets must exist
json                        is JSON

`python tests/docs/documents.py` writes what is printed now into the documents.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from sim import agents
from sim.engine import simulate
from sim.program import compile as compiled
from sim.scenario import check
from sim.scenario.runtimes import only_agents
from sim.scenario.schema import Pathway

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# file: (\S+)\n")
_WARNED = re.compile(r"# warning: (.+)\n")
_SECTION = re.compile(r"^(?=[a-z])", re.MULTILINE)
_COMMAND = re.compile(r"^\$ (.*(?:\\\n.*)*)\n", re.MULTILINE)
_PROGRESS = re.compile(r"^(compiling the engine.*|[\d,]+ of [\d,]+ patients, .*)\n", re.MULTILINE)
_TIME = re.compile(r"[\d,.]+ (s$|a second|patients a second)", re.MULTILINE)
_FRAME = """\
scenario: example
window: {from: 2000-01-01, to: 2010-01-01}
population:
  size: 20
  born: {from: 1930-01-01, to: 1990-01-01}
  sex: {female: 0.5, male: 0.5}
pathways: [example.yaml]
providers:
  clinic: {class: ambulatory}
  hospital: {class: inpatient}
"""
_TOLERATED = {
    "no-source",
    "unused-parameter",
    "unused-variable",
    "unused-formula",
    "drug-never-stopped",
}


def as_run(document: Path, folder: Path) -> str:
    """The document's text with what its blocks print now, where that is not what it says."""
    text, namespace, printed = document.read_text(), dict[str, Any](), ""
    (folder / "scenarios").symlink_to(ROOT / "scenarios")
    pieces, end = [], 0
    with contextlib.chdir(folder):
        for page in _before(document):
            for block in _BLOCK.finditer(page.read_text()):
                _write(block[2])
        for block in _BLOCK.finditer(text):
            kind, content = block.groups()
            line = text.count("\n", 0, block.start()) + 2
            match kind:
                case "yaml" | "csv" | "python" if _write(content):
                    pass
                case "yaml" if expected := _WARNED.match(content):
                    _warned(content, expected[1].split(", "), f"{document.name}:{line}")
                case "yaml":
                    _live(content, f"{document.name}:{line}")
                case "console":
                    content = _console(content)
                case "python":
                    printed = _python(content, f"{document.name}:{line}", namespace)
                case "text":
                    content = _if_changed(content, printed)
                case "sh":
                    _check_targets(content)
                case "json":
                    json.loads(content)
                case _:
                    raise ValueError(f"{document.name}:{line}: no meaning for a block of {kind}")
            pieces += [text[end : block.start(2)], content]
            end = block.end(2)
    return "".join([*pieces, text[end:]])


def _before(page: Path) -> list[Path]:
    """The pages before one that is numbered: it goes on with their files."""
    return (
        sorted(p for p in page.parent.glob("[0-9]-*.md") if p.name < page.name)
        if page.name[0].isdigit()
        else []
    )


def _write(content: str) -> bool:
    """Write the file that a block is; whether it is one."""
    if file := _FILE.match(content):
        path = Path(file[1])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content[file.end() :])
    return bool(file)


def frame(sections: str) -> dict[str, str]:
    """The files of a scenario whose top-level `sections` go where they belong; a default fills the rest.

    A scenario that extends another stands for itself.
    """
    of_a_pathway = Pathway.keys()
    files = {"scenario.yaml": _FRAME, "example.yaml": "pathway: example\n"}
    if "\nextends:" in sections:
        return files | {"scenario.yaml": sections}
    for section in _SECTION.split(sections):
        key = section.partition(":")[0]
        if key in of_a_pathway:
            files["example.yaml"] += section
        elif key:
            others = (s for s in _SECTION.split(files["scenario.yaml"]) if not s.startswith(f"{key}:"))
            files["scenario.yaml"] = "".join([*others, section])
    return files


def _live(sections: str, place: str) -> None:
    for name, text in frame(sections).items():
        Path(name).write_text(text)
    scenario, findings = check(".")
    told = [f"{f.rule}: {f.message}" for f in findings if f.rule not in _TOLERATED]
    assert not told, f"{place}: {told}"
    assert scenario
    people, rows = agents.simulate(scenario, range(20), seed=0)
    if not only_agents(scenario):
        by_kernel = simulate(compiled(scenario), range(20), seed=0)
        for column, same in zip((*people, *rows), (*by_kernel[0], *by_kernel[1]), strict=True):
            np.testing.assert_array_equal(column, same, err_msg=place)


def _warned(sections: str, rules: list[str], place: str) -> None:
    """The scenario that shows a warning: it has no other, but what is tolerated of examples."""
    for name, text in frame(sections).items():
        Path(name).write_text(text)
    scenario, findings = check(".")
    assert scenario, f"{place}: {findings}"
    told = {f.rule for f in findings if f.rule in rules or f.rule not in _TOLERATED}
    assert told == set(rules), f"{place}: {told}"


def _console(content: str) -> str:
    parts = _COMMAND.split(content)
    pieces = [parts[0]]
    for command, shown in zip(parts[1::2], parts[2::2], strict=True):
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        done = subprocess.run(
            command,
            shell=True,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        pieces += [f"$ {command}\n", _if_changed(shown, _PROGRESS.sub("", done.stdout))]
    return "".join(pieces)


def _python(content: str, place: str, namespace: dict[str, Any]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(content, place, "exec"), namespace)
    return printed.getvalue()


def _if_changed(shown: str, printed: str) -> str:
    """What is shown, if it is what is printed but for times and what `...` stands for; else that."""
    checker = doctest.OutputChecker()
    masked = (_TIME.sub(r"# \1", part).strip("\n") + "\n" for part in (shown, printed))
    return shown if checker.check_output(*masked, doctest.ELLIPSIS) else printed.strip("\n") + "\n"


def _check_targets(content: str) -> None:
    targets = re.findall(r"^make (\w+)", content, re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets), targets


if __name__ == "__main__":
    import tempfile

    for path in DOCUMENTS:
        with tempfile.TemporaryDirectory() as folder:
            path.write_text(as_run(path, Path(folder)))
