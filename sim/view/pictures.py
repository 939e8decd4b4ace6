"""Pictures, drawn with matplotlib, which is an extra: where it is missing, importing this fails."""

from __future__ import annotations

import io
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from sim.measure.queues import Queue, Queues
from sim.measure.steps import DAY, WEEK
from sim.view.queues import offer, unit_of

PIECES = 400  # at most in a line: more would not be seen
PIECE_LENGTHS = {60: "minute", 3600: "hour", DAY: "day", WEEK: "week", 4 * WEEK: "4 weeks", 52 * WEEK: "year"}

_STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "svg.hashsalt": "sim",  # with which the same picture is the same bytes
}
_BLUE, _GREY = "#20639b", "#eeeeee"


def queues(measured: Queues, kind: str) -> bytes:
    """A picture of the queues, a row for each: how many wait over time, and how long by class.

    `kind` is png or svg. The same numbers make the same bytes.
    """
    with matplotlib.rc_context(_STYLE):
        count = len(measured.queues)
        figure = Figure(figsize=(9.5, 0.4 + 2.6 * count), layout=ConstrainedLayoutEngine(h_pad=0.1))
        rows = figure.subplots(count, 2, squeeze=False, width_ratios=[3, 2])
        for (left, right), queue in zip(rows, measured.queues, strict=True):
            _length(left, queue, measured)
            _waits(right, queue)
        figure.align_ylabels()
        file = io.BytesIO()
        figure.savefig(file, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
    return file.getvalue()


def _length(axes: Axes, queue: Queue, measured: Queues) -> None:
    """How many wait, by means and extremes of pieces of time."""
    whole = measured.end - measured.start
    piece = next((length for length in PIECE_LENGTHS if whole <= length * PIECES), max(PIECE_LENGTHS))
    edges = np.append(np.arange(measured.start, measured.end, piece), measured.end)
    times = _dates(edges)
    least, most = queue.length.extremes(edges)
    axes.stairs(most, times, baseline=least, fill=True, color=_BLUE, alpha=0.25, linewidth=0)
    axes.stairs(queue.length.means(edges), times, color=_BLUE, linewidth=1.2, baseline=None)
    if measured.begins > measured.start:
        warm_up = _dates(np.array([measured.start, measured.begins]))
        axes.axvspan(*warm_up, color=_GREY, zorder=0, linewidth=0)
        at_the_top = axes.get_xaxis_transform()
        axes.text(warm_up[0], 0.98, " warm-up", transform=at_the_top, va="top", color="#666666")
    axes.set_xlim(times[0], times[-1])
    axes.set_ylim(0, max(1.0, 1.05 * most.max()))
    locator = AutoDateLocator(maxticks=8)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_title(f"{queue.name}: {offer(queue)}")
    axes.set_ylabel("patients waiting")
    axes.set_xlabel(f"date (mean of each {PIECE_LENGTHS[piece]}; shaded: least to most)")


def _dates(seconds: NDArray[np.int64]) -> NDArray[np.float64]:
    return seconds / DAY  # matplotlib's dates are days since 1970-01-01


def _waits(axes: Axes, queue: Queue) -> None:
    """The share of the attended who have waited at most so long, a line for each class."""
    unit, seconds = unit_of(queue.everyone.waits)
    groups = queue.classes if len(queue.classes) > 1 else (queue.everyone,)
    shades = matplotlib.colormaps["viridis"](np.linspace(0.0, 0.8, len(groups)))
    for group, shade in zip(groups, shades, strict=True):
        if not len(group.waits):
            continue
        shares = np.linspace(0.0, 1.0, min(len(group.waits), PIECES) + 1)
        waits = np.quantile(group.waits, shares, method="inverted_cdf") / seconds
        name = "all" if group.priority is None else f"priority {group.priority:g}"
        label = f"{name} (n = {len(group.waits):,})"
        axes.step([0.0, *waits], [0.0, *shares], where="post", color=shade, label=label)
    axes.set_ylim(0, 1.02)
    axes.set_xlim(left=0)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.grid(axis="y", color=_GREY)
    axes.set_xlabel(f"{unit} waited")
    axes.set_ylabel("share of the attended")
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="lower right", framealpha=0.9, edgecolor="none")
    else:
        axes.text(0.5, 0.5, "nobody was attended", transform=axes.transAxes, ha="center", color="#666666")
