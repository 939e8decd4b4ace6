"""A folder that appears whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class OutputError(OSError):
    """A run's folder that cannot be written; the message is one sentence that says why."""


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder beside `folder` to write into; renamed to it at the end, removed if anything is raised.

    `folder` must be missing or empty. Raises OutputError for that, and in place of every other OSError, a
    full disk for one.
    """
    target = folder.resolve()
    made = [parent for parent in target.parents if not parent.exists()]
    aside = None
    try:
        _check_free(target, folder)
        aside = target.with_name(f".{target.name}.partial-{os.getpid()}")
        aside.mkdir(parents=True)
        yield aside
        for path in (aside, *aside.rglob("*")):
            if path.is_dir():
                _flush(path)
        aside.rename(target)
        _flush(target.parent)
    except BaseException as error:
        if aside:
            shutil.rmtree(aside, ignore_errors=True)
        with suppress(OSError):
            for parent in made:
                parent.rmdir()
        if isinstance(error, OSError) and not isinstance(error, OutputError):
            raise OutputError(_sentence(folder, error)) from error
        raise


def _check_free(target: Path, folder: Path) -> None:
    if target.is_dir():
        if any(target.iterdir()):
            raise OutputError(f"{folder} exists and is not empty; name another folder, or remove it first")
    elif target.exists():
        raise OutputError(f"{folder} exists and is not a folder; name another one")


def _sentence(folder: Path, error: OSError) -> str:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"no space is left on the disk of {folder}; nothing was kept"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"{folder} cannot be made: no permission to write in {folder.absolute().parent}"
        case errno.ENOTDIR:
            return f"{folder} cannot be made: something above it is not a folder"
        case errno.EEXIST | errno.ENOTEMPTY:
            return f"{folder} was made by something else in the meantime; nothing was kept"
    return f"{folder} cannot be written: {error.strerror or error}"


def _flush(folder: Path) -> None:
    """Have the folder's entries on the disk, so that a rename survives a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
