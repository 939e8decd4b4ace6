"""Charts as Mermaid flowcharts (https://mermaid.js.org/syntax/flowchart.html).

Every text is quoted, and what means something inside quotes is written as an entity code. Mermaid has no
arrow to an arrow: what multiplies one leads to the state that the arrow enters, and says which it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from sim.view.diagram.care import Acts, Block, Flow, Fork, Frame, Piece, Wait
from sim.view.diagram.disease import Axis
from sim.view.diagram.overview import Overview
from sim.view.diagram.page import Chart
from sim.view.diagram.words import Label, Line, spoken

_SHAPES = {
    "state": ("[", "]"),
    "death": ("([", "])"),
    "event": ("([", "])"),
    "factor": ("[/", "/]"),
    "steps": ("[", "]"),
    "visit": ("[", "]"),
    "start": ("([", "])"),
    "wait": ("(", ")"),
    "if": ("{{", "}}"),
}
_CLASSES = """\
  classDef state fill:#e3eefb,stroke:#5b8fc7,color:#1d2733
  classDef death fill:#e4e4e7,stroke:#6b7280,color:#1d2733
  classDef event fill:#f3e8fd,stroke:#9461c9,color:#1d2733
  classDef factor fill:#fff6e0,stroke:#c68a12,color:#1d2733
  classDef steps fill:#ffffff,stroke:#93a1ae,color:#1d2733
  classDef visit fill:#e6f5ef,stroke:#3c9a78,color:#1d2733
  classDef start fill:#e3eefb,stroke:#5b8fc7,color:#1d2733
  classDef wait fill:#eef1f4,stroke:#7b8a99,color:#1d2733
  classDef if fill:#fff6e0,stroke:#c68a12,color:#1d2733
"""

_CODES = {
    ord(sign): f"#{code};"
    for sign, code in zip('#&"<>`', ("35", "amp", "quot", "lt", "gt", "96"), strict=True)
}

Ends = list[tuple[str, str]]  # nodes that lead on, and what is said on the arrow


def flowchart(chart: Chart) -> str:
    """The Mermaid text of a pathway."""
    return _Writer(chart.title, chart.about or chart.title).pathway(chart)


def flowchart_of_pathways(found: Overview) -> str:
    """The Mermaid text of what the pathways of a scenario have to do with each other."""
    return _Writer(found.title, found.about or found.title).pathways(found)


def quoted(text: str) -> str:
    """A text as a Mermaid string."""
    return text.translate(_CODES)


def _written(shown: Iterable[Line]) -> str:
    """Lines as one quoted text."""
    texts = (" ".join(part for part in (line.verb, line.text.strip(), line.note) if part) for line in shown)
    return f'"{"<br/>".join(quoted(text) for text in texts)}"'


class _Writer:
    """Writes lines; nodes are n1, n2, ..., frames g1, g2, ..."""

    def __init__(self, title: str, about: str) -> None:
        self.lines = ["flowchart TD", f"  accTitle: {_plain(title)}", f"  accDescr: {_plain(about)}"]
        self.depth = 1
        self.count = 0
        self.names: dict[str, str] = {}

    def say(self, line: str) -> None:
        self.lines.append("  " * self.depth + line)

    def new(self, prefix: str, name: str = "") -> str:
        self.count += 1
        made = f"{prefix}{self.count}"
        if name:
            self.names[name] = made
        return made

    def node(self, kind: str, label: Sequence[Line], name: str = "") -> str:
        made = self.new("n", name)
        left, right = _SHAPES[kind]
        self.say(f"{made}{left}{_written(label)}{right}:::{kind}")
        return made

    def begin(self, label: Sequence[Line], name: str = "") -> str:
        made = self.new("g", name)
        self.say(f"subgraph {made}[{_written(label)}]")
        self.depth += 1
        self.say("direction TB")
        return made

    def end(self) -> None:
        self.depth -= 1
        self.say("end")

    def arrow(self, source: str, target: str, label: Sequence[Line] = (), kind: str = "-->") -> None:
        self.say(f"{source} {kind}{f'|{_written(label)}|' if label else ''} {target}")

    def text(self) -> str:
        return "\n".join(self.lines) + "\n" + _CLASSES

    # ---- disease

    def pathway(self, chart: Chart) -> str:
        """All axes, then all protocols."""
        frames = [self.axis(axis) for axis in chart.axes] + [self.flow(flow) for flow in chart.care]
        for one, other in pairwise(frames):
            self.say(f"{one} ~~~ {other}")  # below each other
        return self.text()

    def axis(self, axis: Axis) -> str:
        made = self.begin((Line(axis.title),))
        self._places(axis, None)
        for way in axis.ways:
            self.arrow(self.names[way.source], self.names[way.target], way.label.lines)
        ways = {way.name: way for way in axis.ways}
        for factor in axis.factors:
            box = self.node("factor", factor.label.lines)
            for target in factor.targets:
                if target in ways:
                    of = f"from {spoken(ways[target].source)}"
                    self.arrow(box, self.names[ways[target].target], (Line(of),), "-.->")
                else:
                    self.arrow(box, self.names[target], (), "-.->")
        self.end()
        return made

    def _places(self, axis: Axis, group: str | None) -> None:
        for place in axis.places:
            if place.group != group:
                continue
            if place.kind == "group":
                self.begin(place.label.lines, place.name)
                self._places(axis, place.name)
                self.end()
            else:
                self.node(place.kind, place.label.lines, place.name)

    # ---- care

    def flow(self, flow: Flow) -> str:
        frame = self.begin((Line(flow.title),))
        starts = [line for label in flow.starts for line in label.lines]
        start = self.node("start", starts or (Line("nothing in this scenario starts it"),))
        if flow.factors:
            made = self.node("factor", [line for label in flow.factors for line in label.lines])
            self.arrow(made, start, (), "-.->")
        self.block(flow.steps, [(start, "")])
        if flow.ends:
            self.node("wait", [line for label in flow.ends for line in label.lines])
        self.end()
        return frame

    def block(self, block: Block, ends: Ends) -> Ends:
        """The pieces of a block, the first behind `ends`; what leads on from the last."""
        for piece in block:
            ends = self.piece(piece, ends)
        return ends

    def joined(self, made: str, ends: Ends) -> str:
        for source, said in ends:
            self.arrow(source, made, (Line(said),) if said else ())
        return made

    def piece(self, piece: Piece, ends: Ends) -> Ends:
        match piece:
            case Acts():
                return [(self.joined(self.node("steps", _all(piece.labels)), ends), "")]
            case Wait():
                return [(self.joined(self.node("wait", piece.label.lines), ends), "")]
            case Frame():
                return self.frame(piece, ends)
            case Fork():
                return self.fork(piece, ends)

    def frame(self, frame: Frame, ends: Ends) -> Ends:
        """A visit or rounds: a node with all that is done, or one that what is done follows."""
        body = frame.body
        if len(body) == 1 and isinstance(body[0], Acts):
            head = self.node("visit", (*frame.label.lines, *_all(body[0].labels)))
            body = ()
        else:
            head = self.node("visit", frame.label.lines)
        self.joined(head, ends)
        out = self.block(body, [(head, "")])
        if frame.kind == "loop" and body:
            for source, said in out:
                self.arrow(source, head, (Line(said or "next round"),), "-.->")
            out = [(head, "in the end")]
        if frame.missed:
            out = out + self.block(frame.missed, [(head, "missed")])
        return out

    def fork(self, fork: Fork, ends: Ends) -> Ends:
        out: Ends = []
        for way in fork.ways:
            made = self.joined(self.node("wait" if way.by_chance else "if", way.label.lines), ends)
            inside = self.block(way.body, [(made, "" if way.by_chance else "yes")])
            out += inside
            ends = [(made, "else" if way.by_chance else "no")]
        if fork.other:
            return out + self.block(fork.other, ends)
        return out if all(way.by_chance for way in fork.ways) else out + ends

    # ---- pathways

    def pathways(self, found: Overview) -> str:
        """A node for each pathway, with arrows from what it reads and from what modifies it."""
        for summary in found.pathways:
            self.node("state", summary.label.lines, summary.name)
        modified = {(by, to) for by, to, _ in found.modifies}
        for summary in found.pathways:
            for other in summary.reads:
                if (other, summary.name) not in modified:
                    self.arrow(self.names[other], self.names[summary.name])
        for by, to, _ in found.modifies:
            self.arrow(self.names[by], self.names[to], (), "-.->")
        return self.text()


def _all(labels: Iterable[Label]) -> tuple[Line, ...]:
    return tuple(line for label in labels for line in label.lines)


def _plain(text: str) -> str:
    """A text on one line, for a title: nothing in it is quoted."""
    return " ".join(text.replace("#", " ").replace(";", ",").replace("{", "(").replace("}", ")").split())
