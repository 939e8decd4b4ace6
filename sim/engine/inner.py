"""Compilation of what only compiled code calls.

Numba optimises every function, with all it calls, and makes machine code of it, before a caller does the same
again with the whole. For a deep kernel that is most of the time to compile. An `inner` function is translated
only; what calls it from a `jit` function is optimised once, as one piece.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.registry import CPUDispatcher
from numba.core.untyped_passes import IRProcessing

from sim.engine.compilation import jit

Function = TypeVar("Function", bound=Callable[..., Any])


class _Codegen:
    """A code generator but for the environment of a function that has no machine code."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, name: str, environment: object) -> None:
        pass


class _Translation(JITCodeLibrary):
    """LLVM code to be linked into other code, neither optimised nor turned into machine code by itself."""

    @property
    def codegen(self) -> Any:
        return _Codegen(self._codegen)

    def finalize(self) -> None:
        """Link what this code calls; leave out the optimiser and the engine that makes machine code."""
        self._raise_if_finalized()
        for library in dict.fromkeys(self._linking_libraries):
            self._reload_init.update(library._reload_init)
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        self._ensure_finalized()
        return 0


@register_pass(mutates_CFG=False, analysis_only=False)
class _Translate(FunctionPass):
    _name = "translate_only"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        state.library = _Translation(state.targetctx.codegen(), state.func_id.func_qualname)
        return True


class _Translator(CompilerBase):
    def define_pipelines(self) -> list[Any]:
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(_Translate, IRProcessing)
        passes.finalize()
        return [passes]


class _Inner(CPUDispatcher):
    """A translation to whoever compiles against it. Python calls a compiled twin, made at the first call."""

    def __call__(self, *arguments: Any) -> Any:
        if "twin" not in self.__dict__:
            self.twin = jit(self.py_func)
        return self.twin(*arguments)


def inner(function: Function | None = None, /, **options: Any) -> Any:
    """Compile for other compiled code: as `jit`, but without reference counts, so it can make no arrays, and
    without recursion.
    """
    if function is None:
        return lambda decorated: inner(decorated, **options)
    hidden = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}
    numbers = {"nogil": True, "fastmath": False, "error_model": "numpy"}
    compile_inner: Any = numba.njit
    options.setdefault("forceinline", False)  # else that of the function which first calls it
    compiled = compile_inner(pipeline_class=_Translator, **numbers, **hidden, **options)(function)
    if compiled is not function:
        compiled.__class__ = _Inner
    return compiled
