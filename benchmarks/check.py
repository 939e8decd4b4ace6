"""How long an author waits for `sim check`: a scenario of 5,000 lines in 20 pathways, in a new process.

Beside it, in turns, a process that imports pydantic and PyYAML and does nothing, and one that also parses the
same files with PyYAML.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from timing import fresh_process, machine, print_table, ratios, spread

PATHWAYS, PROTOCOLS = 20, 8  # of each pathway
LINES = 5_000
TARGET = 2  # s
SCENARIO = """\
scenario: large
window: {from: 2000-01-01, to: 2010-01-01}
population:
  size: 1000
  born: {from: 1920-01-01, to: 1990-01-01}
  sex: {female: 0.5, male: 0.5}
  variables:
    smoker: bernoulli(0.28 if male else 0.22)
    bmi: lognormal(mean=27.5, sd=5)
providers:
  clinic: {class: ambulatory, hours: weekdays 08:00-17:00}
  hospital: {class: inpatient}
pathways:
"""
PATHWAY = """\
pathway: {me}
sources:
  trial: a trial that nobody has done
parameters:
  onset: {{value: 0.01 per year, ci95: 0.005 to 0.02, source: trial}}
  progress: {{value: 0.1 per year, ci95: 0.05 to 0.2, source: trial}}
  cure:
    value: 0.3 per year
    source: trial
  per_unit: {{value: 1.02, source: trial}}
  target:
    value: 140 mmHg
    source: trial
variables:
  proneness: lognormal(mean=1, sd=0.6)
  responds: bernoulli(0.6)
formulas:
  at_risk: proneness * (1.4 if smoker else 1)
  overdue: not tested(level, within=2 years)
disease:
  course:
    well:
      -> mild:
        rate: onset * at_risk * exp(0.03 * (age - 50))
        while: age >= 20
    mild:
      set: {{severity: "truncated_normal(15, 4, low=8, high=27)"}}
      -> severe: {{rate: progress * 1.05 ** (bmi - 25)}}
      -> well: {{rate: cure * 1.5 ** taking(first_line)}}
    severe:
      -> dead: {{rate: 0.05 per year, cause: failure}}
      -> mild: {{after: "weibull(shape=1.3, scale=4 years)", while: responds}}
biomarkers:
  level:
    unit: mmHg
    value: 110 + 0.4 * age + 15 * in(mild) + 30 * in(severe) - 9 * taking(first_line)
    within_person: ou(sd=7, half_life=10 days)
    measurement_error: normal(0, 4)
    range: 60 to 260
  other:
    unit: mmol/L
    value: 4 + 0.5 * in(severe)
    measurement_error: normal(0, 0.3)
    range: 1 to 20
conditions:
  failure: {{icd10: I50}}
  disorder:
    snomed: "59621000"
    icd10: I10
procedures:
  scan: {{snomed: "77477000"}}
drugs:
  first_line:
    doses: [5 mg, 10 mg]
    adherence: beta(mean=0.7, sd=0.2)
    works_in: 2 weeks
  second_line: {{adherence: 0.8}}
ladders:
  lines: [[first_line], [first_line, second_line]]
modifies:
  - rate: {next}.mild
    times: per_unit ** ((usual(level) - 120) / 20)
    source: trial
care:
  presentation:
    starts: {{rate: 0.5 per year, while: in(severe) and not diagnosed(disorder)}}
    steps:
      - visit: clinic
        reason: disorder
        steps:
          - test: [level, other]
          - if: last(level) >= target
            then:
              - diagnose: disorder
              - step_up: lines
              - start: manage_1
"""
PROTOCOL = """\
  manage_{n}:
    starts: {{when: diagnosed(disorder) and age >= {age}}}
    until: age >= 95
    steps:
      - every: 3 months if last(level) > target else 1 year
        first: later
        at_most: 40
        steps:
          - visit: clinic
            attend: 0.8
            rebook: {{after: 2 weeks, times: 2}}
            steps:
              - test: level
              - choose:
                  - if: last(level) > target + {n} and prescribed(first_line)
                    then: {{step_up: lines, for: 90 days, refills: 3}}
                  - share: 0.1
                    then: {{perform: scan}}
                  - otherwise: []
              - if: overdue or mean(level, within=1 year) > 160
                then:
                  - test: other
                    chance: min(1, 0.5 + 0.01 * abs(age - 65))
"""
CHECK = "from sim.cli import main; main()"
IMPORT = "import pydantic, yaml"
PARSE = """
import sys, pathlib, pydantic, yaml
for file in pathlib.Path(sys.argv[1]).glob("*.yaml"):
    yaml.load(file.read_text(), yaml.CSafeLoader)
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=7)
    rounds = arguments.parse_args().rounds
    print(machine())
    with TemporaryDirectory() as place:
        folder, cache = Path(place) / "large", Path(place) / "cache"
        lines = write(folder)
        commands = {
            f"sim check, {lines:,} lines": ["-c", CHECK, "check", str(folder)],
            "import pydantic and PyYAML": ["-c", IMPORT],
            "and parse the same files": ["-c", PARSE, str(folder)],
        }
        fresh_process(["-c", CHECK, "check", str(folder)], cache)  # what is written once, bytecode among it
        found = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                found[name].append(fresh_process(command, cache))
    first = next(iter(found.values()))
    rows = []
    for name, processes in found.items():
        times = [p.wall for p in processes]
        over = spread(ratios([p.wall for p in first], times), ".1f")
        rows.append((name, spread(times), spread([p.cpu for p in processes]), over))
    print_table(("", "wall s", "CPU s", "sim check over it"), rows)
    print(f"target: {TARGET} s")


def write(folder: Path) -> int:
    """Write the scenario; how many lines it has."""
    folder.mkdir()
    files = {"scenario.yaml": SCENARIO + "".join(f"  - p{i}.yaml\n" for i in range(PATHWAYS))}
    for i in range(PATHWAYS):
        protocols = "".join(PROTOCOL.format(n=n, age=20 + n) for n in range(1, PROTOCOLS + 1))
        files[f"p{i}.yaml"] = PATHWAY.format(me=f"p{i}", next=f"p{(i + 1) % PATHWAYS}") + protocols
    for name, text in files.items():
        (folder / name).write_text(text)
    lines = sum(text.count("\n") for text in files.values())
    assert lines >= LINES, lines
    return lines


if __name__ == "__main__":
    main()
