"""How engine code is compiled: `jit`, and a disk cache that no change of source can leave stale.

Numba's own cache looks only at the file that a function is in, but what is compiled holds copies of the
functions and constants it uses from other files. So everything compiled is stamped with all sources of
`sim.engine`, `sim.program` and the function's own folder; compiled code takes globals from nowhere else.
"""

from __future__ import annotations

import gc
import hashlib
import os
import pickle
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.caching import FunctionCache
from numba.core.serialize import dumps

Function = TypeVar("Function", bound=Callable[..., Any])

_SIM = Path(__file__).parents[1]


def jit(function: Function | None = None, /, **options: Any) -> Any:
    """Compile with Numba: no GIL, IEEE arithmetic as written, no exception on division, cached on disk.

    Used bare or with options of `numba.njit`, such as `inline="always"`. With NUMBA_DISABLE_JIT=1 the
    function stays plain Python. The cache is in NUMBA_CACHE_DIR, else beside the source, else in the user's
    cache folder; where none of these can be written there is none, and each process compiles for itself.
    """
    if function is None:
        return lambda decorated: jit(decorated, **options)
    compiled = numba.njit(nogil=True, fastmath=False, error_model="numpy", **options)(function)
    if compiled is not function:
        with suppress(RuntimeError):  # which says that there is no folder to write
            compiled._cache = _Cache(function)
    return compiled


@contextmanager
def no_collection() -> Iterator[None]:
    """Keep the garbage collector out of a call that may compile: millions of objects, no garbage."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@cache
def _stamp(folder: Path) -> bytes:
    """A hash of all that functions in a folder can be compiled from."""
    digest = hashlib.blake2b(f"{numba.__version__} {sys.version}".encode())
    for package in (_SIM / "engine", _SIM / "program", folder):
        for path in sorted(package.glob("*.py")):
            text = path.read_bytes()
            digest.update(f"{path.name} {len(text)}\n".encode() + text)
    return digest.digest()


class _Cache(FunctionCache):
    """Numba's cache of a function, in the folder that Numba finds for it, kept as `_Files`."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        stamp = _stamp(Path(function.__code__.co_filename).parent)
        files = _Files(Path(self.cache_path), self._impl.filename_base, stamp)
        self._cache_file = files  # type: ignore[assignment]


class _Files:
    """A file per function, signature and processor: a hash of stamp, key and content, then the content.

    A file appears whole, by renaming, and is used only if its hash is right. So processes may write at
    once, and a file that is old, damaged or another's is as good as none.
    """

    def __init__(self, folder: Path, name: str, stamp: bytes) -> None:
        self._folder, self._name, self._stamp = folder, name, stamp

    def load(self, key: object) -> Any:
        try:
            found = self._path(key).read_bytes()
        except OSError:
            return None
        size = len(self._stamp)
        return pickle.loads(found[size:]) if found[:size] == self._hash(key, found[size:]) else None

    def save(self, key: object, data: object) -> None:
        content = dumps(data)
        path = self._path(key)
        aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
        try:
            aside.write_bytes(self._hash(key, content) + content)
            os.replace(aside, path)
        except OSError:  # a full or vanished disk costs the cache, not the run
            with suppress(OSError):
                aside.unlink()

    def flush(self) -> None:
        for path in self._folder.glob(f"{self._name}.*.nbc"):
            path.unlink(missing_ok=True)

    def _path(self, key: object) -> Path:
        digest = hashlib.blake2b(repr(key).encode(), digest_size=8).hexdigest()
        return self._folder / f"{self._name}.{digest}.nbc"

    def _hash(self, key: object, content: bytes) -> bytes:
        return hashlib.blake2b(repr(key).encode() + content, key=self._stamp).digest()
