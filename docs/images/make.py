"""Draws the pictures of the documentation.

life.png      one person of scenarios/diabetes, the truth above, the record below
queues.png    the queues of docs/guides/queues.md, as `sim queues --picture` draws them
drawing.svg   the pathway of docs/guides/drawing.md, as `sim draw` draws it
kidney.svg    the pathway kidney of scenarios/diabetes, as `sim draw --run` does

Run it in the project's folder: python docs/images/make.py
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.dates as dates
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

import sim
from sim.cli.draw import draw as draw_command
from sim.measure.queues import measure
from sim.view import pictures

HERE = Path(__file__).parent
INK, QUIET, RECORD, PROBLEM, MISSED = "#222222", "#8a8a8a", "#7fa3cc", "#a9a3b8", "#b03a2e"
SHADES = {
    "normal_glucose": "#e9efe6",
    "impaired_glucose": "#f6dfa9",
    "diabetes": "#e39b63",
    "normoalbuminuria": "#e9efe6",
    "microalbuminuria": "#ecd3dd",
    "macroalbuminuria": "#c88aa5",
    "kidney_failure": "#8d4a68",
}
AXES = ("glucose", "kidneys")


class Person:
    """The rows of one person."""

    def __init__(self, tables: dict[str, pd.DataFrame], number: int) -> None:
        rows = {name: table[table["patient_id"] == number] for name, table in tables.items()}
        self.states = rows["truth/states"]
        self.observations, self.encounters = rows["observations"], rows["encounters"]
        self.conditions, self.medications = rows["conditions"], rows["medications"]
        self.patient = rows["patients"].iloc[0]
        self.start, self.end = self.patient["entered"], self.patient["left"]


def chosen(tables: dict[str, pd.DataFrame]) -> int:
    """The first person seen to the end who falls ill in the window, is found years later, and is treated."""
    states, conditions = tables["truth/states"], tables["conditions"]
    onset = states[states["to"] == "diabetes"].set_index("patient_id")["time"]
    found = conditions[conditions["condition"] == "type_2_diabetes"].set_index("patient_id")["start"]
    undiagnosed = (found - onset).dt.days / 365.25
    early = (onset > pd.Timestamp("2001-06-01")) & (found < pd.Timestamp("2010-01-01"))
    drugs = tables["medications"].groupby("patient_id")["drug"].nunique()
    hba1c = tables["observations"].query("observation == 'hba1c'")
    highest = hba1c.groupby("patient_id")["value"].max()
    sets = [
        undiagnosed[(undiagnosed > 3) & (undiagnosed < 6) & early],
        tables["patients"].query("not died and birth_date.astype('str') < '1960'").set_index("patient_id"),
        conditions[conditions["condition"] == "chronic_kidney_disease"].set_index("patient_id"),
        drugs[drugs >= 3],
        highest[highest < 10],
    ]
    failed = states[states["to"] == "kidney_failure"]["patient_id"]
    return int(min(set.intersection(*(set(part.index) for part in sets)) - set(failed)))


def draw_truth(axes: Axes, person: Person) -> None:
    for row, axis in enumerate(AXES):
        moves = person.states[person.states["axis"] == axis]
        starts = [max(t, person.start) for t in moves["time"]]
        for start, end, state in zip(starts, [*starts[1:], person.end], moves["to"], strict=True):
            if end <= person.start or state == "dead":
                continue
            axes.barh(-row, end - start, left=start, height=0.72, color=SHADES[state], edgecolor="white")
            label = state.replace("_", " ")
            if (end - start).days < 80 * len(label):
                label = label.replace(" ", "\n")
            if (end - start).days > 80 * max(map(len, label.split("\n"))):
                axes.text(start + (end - start) / 2, -row, label, ha="center", va="center", fontsize=8.5)
    axes.set_yticks([0, -1], AXES)
    axes.set_title("What is true", loc="left", fontsize=10, fontweight="bold", color=INK)


def draw_hba1c(axes: Axes, person: Person) -> None:
    tests = person.observations[person.observations["observation"] == "hba1c"]
    axes.plot(tests["time"], tests["value"], "o-", color="#1f5a99", markersize=3.5, linewidth=0.8)
    axes.axhline(6.5, color=QUIET, linewidth=0.7, linestyle=":")
    axes.text(person.start, 6.55, " 6.5 %", color=QUIET, fontsize=7.5, va="bottom")
    axes.margins(y=0.12)
    axes.set_ylabel("HbA1c, %", fontsize=8.5)
    axes.set_title("What is on record", loc="left", fontsize=10, fontweight="bold", color=INK)


def draw_care(axes: Axes, person: Person) -> None:
    visits = person.encounters["start"]
    axes.plot(visits, [0] * len(visits), "|", color=QUIET, markersize=9, markeredgewidth=0.7)
    rows = [(person.conditions, "condition", PROBLEM), (person.medications, "drug", RECORD)]
    names = ["visits"]
    for table, kind, color in rows:
        for name in dict.fromkeys(table.sort_values("start")[kind]):
            for _, course in table[table[kind] == name].iterrows():
                start = max(course["start"], person.start)
                end = person.end if pd.isna(course["end"]) else course["end"]
                axes.barh(-len(names), end - start, left=start, height=0.62, color=color)
            names.append(name.replace("_", " "))
    axes.set_yticks([-row for row in range(len(names))], names)
    axes.set_ylim(-len(names) + 0.4, 0.6)


def draw(person: Person) -> plt.Figure:
    onset = person.states[person.states["to"] == "diabetes"]["time"].iloc[0]
    found = person.conditions[person.conditions["condition"] == "type_2_diabetes"]["start"].iloc[0]
    figure, (truth, hba1c, care) = plt.subplots(
        3, 1, figsize=(9, 5.2), sharex=True, height_ratios=[1.1, 1.6, 1.9], layout="constrained"
    )
    draw_truth(truth, person)
    draw_hba1c(hba1c, person)
    draw_care(care, person)
    for axes in (truth, hba1c, care):
        axes.axvspan(onset, found, color=MISSED, alpha=0.09, linewidth=0, zorder=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color("#bbbbbb")
        axes.tick_params(labelsize=8.5, length=0)
    years = (found - onset).days / 365.25
    truth.set_ylim(-1.5, 0.5)
    hba1c.annotate(
        f"{years:.1f} years\nundiagnosed",
        (onset + (found - onset) / 2, hba1c.get_ylim()[1]),
        ha="center",
        va="top",
        fontsize=8.5,
        color=MISSED,
    )
    care.xaxis.set_major_locator(dates.YearLocator(2))
    care.set_xlim(person.start, person.end)
    age = (person.start - pd.Timestamp(person.patient["birth_date"])).days // 365.25
    who = {"female": "woman", "male": "man"}[person.patient["sex"]]
    figure.suptitle(
        f"A synthetic {who}, {age:.0f} years old in 2000", x=0.01, ha="left", fontsize=11, color=INK
    )
    return figure


FIRST_STEPS = "scenarios/first_steps"


def make_life(folder: Path) -> None:
    run = sim.run("scenarios/diabetes", patients=10_000, out=folder / "run")
    tables = {name: run.table(name) for name in run.rows if name != "codes"}
    draw(Person(tables, chosen(tables))).savefig(HERE / "life.png", dpi=160)


def write_files(guide: str, folder: Path) -> None:
    """Write the files that a guide has its reader write."""
    text = (HERE.parent / "guides" / guide).read_text()
    for file, content in re.findall(r"^```yaml\n# file: (\S+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(content)


def make_drawings(folder: Path) -> None:
    write_files("drawing.md", folder)
    sim_draw(str(folder / "gout"), "--out", str(HERE / "drawing.svg"))
    made = str(sim.run("scenarios/diabetes", patients=10_000, out=folder / "run").folder)
    kidney = ("--pathway", "kidney", "--run", made, "--out", str(HERE / "kidney.svg"))
    sim_draw("scenarios/diabetes", *kidney)


def make_first_steps(folder: Path) -> None:
    """The pictures of the tutorial."""
    made = str(sim.run(FIRST_STEPS, out=folder / "run").folder)
    sim_draw(
        FIRST_STEPS, "--pathway", "disease", "--run", made, "--out", str(HERE / "first_steps_disease.svg")
    )
    sim_draw(FIRST_STEPS, "--pathway", "care", "--out", str(HERE / "first_steps_care.svg"))


def sim_draw(*arguments: str) -> None:
    draw_command.main(arguments, standalone_mode=False)


def make_queues(folder: Path) -> None:
    write_files("queues.md", folder)
    run = sim.run(folder / "eyes", out=folder / "few")
    (HERE / "queues.png").write_bytes(pictures.queues(measure(run, warm_up=2 * 365.25), "png"))


def main() -> None:
    for make in (make_life, make_queues, make_drawings, make_first_steps):
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder))


if __name__ == "__main__":
    main()
