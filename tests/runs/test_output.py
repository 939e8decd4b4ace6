"""A folder is there whole, or nothing is."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sim.runs.output import OutputError, whole_folder


def fill(folder: Path, then: Callable[[], object]) -> None:
    """Make a file in the folder to be; then something else happens, which is raised if it is an exception."""
    with whole_folder(folder) as aside:
        (aside / "file").touch()
        happened = then()
        if isinstance(happened, BaseException):
            raise happened


def test_the_folder_appears_at_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "a/b/run"
    with whole_folder(folder) as aside:
        assert aside.name == f".run.partial-{os.getpid()}"
        (aside / "file").write_text("text")
        assert not folder.exists()
    assert (folder / "file").read_text() == "text"
    assert [path.name for path in folder.parent.iterdir()] == ["run"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    with whole_folder(tmp_path) as aside:
        (aside / "file").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("fault", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_fault_leaves_nothing_and_passes(tmp_path: Path, fault: type[BaseException]) -> None:
    with pytest.raises(fault):
        fill(tmp_path / "a/b/run", fault)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_kept(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(OutputError, match="exists and is not empty"), whole_folder(tmp_path):
        pytest.fail("not reached")
    assert (tmp_path / "mine").read_text() == "precious"


def test_a_folder_filled_in_the_meantime_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "run"

    def interfere() -> None:
        folder.mkdir()
        (folder / "mine").touch()

    with pytest.raises(OutputError, match="in the meantime"):
        fill(folder, interfere)
    assert [path.name for path in tmp_path.rglob("*")] == ["run", "mine"]


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(OutputError, match="is not a folder"), whole_folder(tmp_path / "file"):
        pytest.fail("not reached")
    with (
        pytest.raises(OutputError, match="something above it is not a folder"),
        whole_folder(tmp_path / "file/run"),
    ):
        pytest.fail("not reached")
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "no space is left on the disk"),
        (errno.EACCES, "no permission to write in"),
        (errno.EIO, "cannot be written: Input/output error"),
    ],
)
def test_what_the_disk_says_becomes_a_sentence(tmp_path: Path, number: int, sentence: str) -> None:
    with pytest.raises(OutputError, match=sentence), whole_folder(tmp_path / "run"):
        raise OSError(number, os.strerror(number))
    assert list(tmp_path.iterdir()) == []


def test_a_parent_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(OutputError, match="no permission to write in"), whole_folder(tmp_path / "run"):
        pytest.fail("not reached")
