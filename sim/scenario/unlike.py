"""Where two typed expressions differ: the smallest parts that do."""

from __future__ import annotations

import math

from sim.scenario.model import Expr

SAME = 1e-12  # relative: what a number may change by when it is written in another unit
_ANY_ORDER = frozenset({"add", "mul", "and", "or", "min", "max"})

Part = tuple[Expr | None, Expr | None]


def same(a: Expr | None, b: Expr | None) -> bool:
    """Whether two expressions mean the same: in whatever units, with the operands of a sum, a product, `and`,
    `or`, min and max in whatever order.
    """
    if a is None or b is None:
        return a is b
    if a.op != b.op:
        return False
    if a.op in _ANY_ORDER:
        only_a, only_b = _apart(_operands(a, a.op), _operands(b, a.op))
        return not only_a and not only_b
    return _heads(a, b) and all(map(same, a.args, b.args))


def unlike(a: Expr | None, b: Expr | None) -> list[Part]:
    """The smallest parts that differ, each beside what stands for it on the other side: None where nothing
    does.
    """
    if same(a, b):
        return []
    if a is None or b is None:
        return [(a, b)]
    if a.op == "if" != b.op or b.op == "if" != a.op:
        return _guarded(a, b)
    op = a.op if a.op in _ANY_ORDER else b.op
    if op in _ANY_ORDER:
        return _in_any_order(a, b, op)
    if not _heads(a, b) or not a.args:
        return [(a, b)]
    inside = [unlike(x, y) for x, y in zip(a.args, b.args, strict=True)]
    if len(inside) > 1 and all(inside):
        return [(a, b)]
    return [part for parts in inside for part in parts]


def _guarded(a: Expr, b: Expr) -> list[Part]:
    """One is the other under a condition: `while:` makes it 0 elsewhere, and of a modifier 1."""
    guard = a if a.op == "if" else b
    condition, then, otherwise = guard.args
    if otherwise.op != "const" or otherwise.value not in (0.0, 1.0):
        return [(a, b)]
    bare = (then, b) if guard is a else (a, then)
    inside = unlike(*bare)
    if inside == [bare]:
        return [(a, b)]
    return [*inside, (condition, None) if guard is a else (None, condition)]


def _in_any_order(a: Expr, b: Expr, op: str) -> list[Part]:
    every_a, every_b = _operands(a, op), _operands(b, op)
    only_a, only_b = _apart(every_a, every_b)
    if len(only_a) == len(every_a) and len(only_b) == len(every_b) and a.op != b.op:
        return [(a, b)]
    parts = list[Part]()
    for x in list(only_a):
        # what is most like it: the fewest parts that differ, if there is a part that does not
        found = [(unlike(x, y), y) for y in only_b]
        near = [(inside, y) for inside, y in found if inside != [(x, y)]]
        if near:
            inside, y = min(near, key=lambda item: len(item[0]))
            parts += inside
            only_a.remove(x)
            only_b.remove(y)
    if len(only_a) == 1 == len(only_b):
        return [*parts, (only_a[0], only_b[0])]
    return [*parts, *((x, None) for x in only_a), *((None, y) for y in only_b)]


def _operands(e: Expr, op: str) -> list[Expr]:
    return [x for arg in e.args for x in _operands(arg, op)] if e.op == op else [e]


def _apart(a: list[Expr], b: list[Expr]) -> tuple[list[Expr], list[Expr]]:
    """What each has that the other has not."""
    only_a, only_b = list[Expr](), list(b)
    for x in a:
        twin = next((i for i, y in enumerate(only_b) if same(x, y)), None)
        if twin is None:
            only_a.append(x)
        else:
            del only_b[twin]
    return only_a, only_b


def _heads(a: Expr, b: Expr) -> bool:
    """Whether two expressions are alike but for their operands."""
    if a.op != b.op or len(a.args) != len(b.args):
        return False
    if a.op == "const":
        return _same_constant(a, b)
    levels = a.type.levels == b.type.levels or a.value != "categorical"
    return a.value == b.value and levels


def _same_constant(a: Expr, b: Expr) -> bool:
    if a.type.kind != b.type.kind:
        return False
    if a.type.kind == "category":
        return _level(a) == _level(b)
    return same_number(a.value, b.value)


def _level(e: Expr) -> str:
    assert isinstance(e.value, float)
    return e.type.levels[int(e.value)]


def same_number(a: object, b: object) -> bool:
    """Whether two numbers are one, up to the rounding of another unit."""
    if not isinstance(a, float) or not isinstance(b, float):
        return False
    return math.isclose(a, b, rel_tol=SAME) or (math.isnan(a) and math.isnan(b))
