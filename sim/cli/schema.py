"""`sim schema`: the language, for an editor."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli.faults import user_faults


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def schema(folder: Path) -> None:
    """Write the JSON Schemas of the language into FOLDER, for an editor.

    With them it completes and explains the keys of a file that says in its first line where they are, from
    where the file is:

    \b
      # yaml-language-server: $schema=FOLDER/pathway.json

    What `sim new` makes has them in a folder `.schema`. After another version of Lifecourse was installed,
    write them again: sim schema my_scenario/.schema
    """
    with user_faults():
        from sim.cli.schemas import write_json_schemas

        for path in write_json_schemas(folder):
            click.echo(f"made {path}")
