"""An array as compiled code sees it fastest: the address of its first element, indexed like the array.

A pointer is one word in a call where an array is seven, and nothing asks whether an index is negative. In
plain Python it is the array itself.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic, overload


def pointer(array):
    """A pointer to a contiguous array, which must outlive it."""
    return array


@intrinsic
def _address(typing_context: Any, array: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_array(array)(context, builder, arguments[0]).data

    return types.CPointer(array.dtype)(array), generate


_NO_COUNTING: Any = {"_nrt": False}  # of references, which a pointer has none of


@overload(pointer, jit_options=_NO_COUNTING)
def _pointer(array):
    address: Any = _address
    return lambda array: address(array)
