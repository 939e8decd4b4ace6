"""What the command's arguments and options take: each says what would be right where a value is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path

import click


class Whole(click.ParamType[int]):
    """A whole number from `least` to `most`, with or without underscores."""

    name = "number"

    def __init__(self, least: int = 1, most: int = 2**63 - 1) -> None:
        self.least, self.most = least, most

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number. Fails with what would be right."""
        try:
            number = int(value)
        except ValueError:
            self.fail(f"{value!r} is not a whole number; write for example 10000 or 10_000.", param, ctx)
        if not self.least <= number <= self.most:
            self.fail(f"{value} is not a number from {self.least} to {self.most}.", param, ctx)
        return number


class Setting(click.ParamType[tuple[str, str]]):
    """`parameter=value`."""

    name = "parameter=value"

    def convert(
        self, value: str | tuple[str, str], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """The name and the value, as text. Fails with what would be right."""
        if isinstance(value, tuple):
            return value
        name, equals, text = (part.strip() for part in value.partition("="))
        if not (name and equals and text):
            self.fail(
                f"{value!r} is not of the form parameter=value, such as onset='0.2 per year'.", param, ctx
            )
        return name, text


class Names(click.ParamType[tuple[str, ...]]):
    """`name,name,...`"""

    name = "name,..."

    def convert(
        self, value: str | tuple[str, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """The names. Fails where one is empty."""
        if isinstance(value, tuple):
            return value
        names = tuple(part.strip() for part in value.split(","))
        if not all(names):
            self.fail(f"{value!r} is not of the form name,name, such as patients,observations.", param, ctx)
        return names


class Columns(click.ParamType[tuple[str, tuple[str, ...]]]):
    """`table:column,column,...`"""

    name = "table:column,..."

    def convert(
        self,
        value: str | tuple[str, tuple[str, ...]],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, tuple[str, ...]]:
        """The table and its columns. Fails with what would be right."""
        if isinstance(value, tuple):
            return value
        table, _, names = value.partition(":")
        columns = tuple(part.strip() for part in names.split(","))
        if not (table.strip() and all(columns)):
            self.fail(
                f"{value!r} is not of the form table:column,column, such as observations:time,value.",
                param,
                ctx,
            )
        return table.strip(), columns


class Duration(click.ParamType[float]):
    """A number and a unit of time, in days."""

    name = "duration"
    wanted = "a duration; write for example '1 year' or '90 days'"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number of days. Fails with what would be right."""
        if isinstance(value, float):
            return value
        from sim.scenario.units import DURATIONS

        match = re.fullmatch(r"\s*(\d[\d_]*(?:\.\d+)?)\s*([a-z]+?)s?\s*", value, re.ASCII)
        if match is None or match[2] not in DURATIONS:
            self.fail(f"{value!r} is not {self.wanted}.", param, ctx)
        times, over = DURATIONS[match[2]]
        return float(match[1].replace("_", "")) * times / over


class Age(Duration):
    """A number of years, or a duration, in days."""

    name = "age"
    wanted = "an age; write for example 61.5 or '61.5 years'"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number of days since birth. Fails with what would be right."""
        years = isinstance(value, str) and re.fullmatch(r"\s*[\d_.]+\s*", value, re.ASCII)
        return super().convert(f"{value} years" if years else value, param, ctx)


def settings(command: Callable[..., None]) -> Callable[..., None]:
    """The options that give parameters other values; the command gets all of them as `parameters`."""

    @click.option(
        "--parameters",
        "files",
        type=click.Path(path_type=Path),
        multiple=True,
        help="A YAML file of values for the scenario's parameters. May be repeated; later ones win.",
    )
    @click.option(
        "--set",
        "values",
        type=Setting(),
        multiple=True,
        help="Give a parameter of the scenario another value, with its unit: --set onset='0.2 per year'. "
        "May be repeated; wins over files.",
    )
    @wraps(command)
    def given(files: Sequence[Path], values: Sequence[tuple[str, str]], **options: object) -> None:
        command(parameters=[*files, dict(values)], **options)

    return given
