"""How far a command is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

COMPILING = "compiling the engine, which is needed once on a machine"
QUIET = 10  # s between lines about progress where there is no terminal


@contextmanager
def progress_shown() -> Iterator[Callable[[int, int], None]]:
    """What shows the patients done, of all: a bar on a terminal, else a line every few seconds."""
    started = last = time.monotonic()

    def rate(done: int) -> str:
        return f"{done / max(time.monotonic() - started, 1e-9):,.0f} patients a second"

    def line(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > QUIET:
            last = time.monotonic()
            so_far = f"{done:,} of {total:,} patients, {rate(done)}" if done else COMPILING
            click.echo(so_far, err=True)

    if not sys.stderr.isatty():
        yield line
        return

    with ExitStack() as closing:
        bar: ProgressBar[int] | None = None

        def advance(done: int, total: int) -> None:
            nonlocal bar
            if bar is None:
                bar = closing.enter_context(
                    click.progressbar(
                        length=total,
                        label="patients",
                        show_pos=True,
                        item_show_func=lambda shown: rate(shown) if shown else COMPILING,
                        file=sys.stderr,
                    )
                )
            bar.update(done - bar.pos, done)

        yield advance
