"""The JSON Schemas of all files that an author writes, for `sim new` and `sim schema`."""

from __future__ import annotations

import json
from pathlib import Path

from sim.measure.measures import MeasuresFile
from sim.scenario.json_schema import FILES, JsonSchema, json_schema


def json_schemas() -> dict[str, JsonSchema]:
    """The schemas of a `scenario` (scenario.yaml), a `pathway`, and files of `parameters` and `measures`."""
    files = FILES | {"measures": MeasuresFile}
    return {name: json_schema(name, kind) for name, kind in files.items()}


def write_json_schemas(folder: Path) -> tuple[Path, ...]:
    """Write each schema into a folder as NAME.json, over an older one. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, made in json_schemas().items():
        paths.append(folder / f"{name}.json")
        paths[-1].write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return tuple(paths)
