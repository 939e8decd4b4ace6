"""`correlations:` of drawn variables, as authors write them."""

from __future__ import annotations

from dataclasses import dataclass

from sim.scenario.copula import NotPositiveDefiniteError, Numbers, cholesky
from sim.scenario.loader import Scalar
from sim.scenario.model import NUMBER, Correlation, Expr, Variable
from sim.scenario.parameters import source_text
from sim.scenario.reader import BROKEN, Reader
from sim.scenario.schema import Correlation as Author


@dataclass
class CorrelationReader:
    """Reads the `correlations:` of one file, or of its population."""

    reader: Reader
    variables: dict[str, Variable]
    sources: dict[str, str]

    def correlations(self, authors: list[Author]) -> list[Correlation]:
        return [found for author in authors for found in self.entry(author)]

    def entry(self, author: Author) -> list[Correlation]:
        findings = self.reader.findings
        if author.source:
            source_text(author.source, self.sources, author.value_at("source"), findings)
        pair, several = author.has("between"), author.has("among")
        if pair == several or pair != author.has("r") or several != author.has("matrix"):
            message = "a correlation is `r:` between two variables, or a `matrix:` among several"
            findings.error("correlation-kind", message, author.span, "{between: [x, y], r: 0.4}")
            return []
        names = [self.variable(name) for name in author.between or author.among]
        if pair:
            if len(names) != 2:
                message = f"a correlation is between two variables, and here are {len(names)}"
                findings.error("correlation-kind", message, author.at("between"), "`among:` with a `matrix:`")
                return []
            assert author.r is not None
            found = [self.pair(names[0], names[1], author.r)]
        else:
            found = self.matrix(author, names)
        return [c for c in found if c is not None]

    def variable(self, name: Scalar) -> str:
        """The qualified name of a variable that is drawn, or ""."""
        found = self.reader.name(name, ("variable",))
        known = self.variables.get(found)
        if found and (known is None or known.draw is None or not _draws(known.draw)):
            message = f"`{name.text}` is not drawn, so nothing can go along with its draw"
            self.reader.findings.error("not-drawn", message, name.span, "a variable with a distribution")
            return ""
        return found

    def pair(self, a: str, b: str, text: Scalar) -> Correlation | None:
        r = self.number(text)
        if r is BROKEN or not (a and b):
            return None
        value = self.reader.known(r)
        if a == b:
            self.reader.findings.error("correlation-kind", "this is one variable twice", text.span)
        elif value is None:
            message = "a correlation is a number, or reads parameters alone"
            self.reader.findings.error("not-constant", message, text.span)
        elif not -1.0 < value < 1.0:
            message = f"this correlation is {value:.6g}; it lies between -1 and 1, and is neither"
            self.reader.findings.error("not-a-correlation", message, text.span)
        else:
            return Correlation((a, b), r, text.span)
        return None

    def number(self, text: Scalar) -> Expr:
        return self.reader.expression(text, NUMBER, "condition")

    def matrix(self, author: Author, names: list[str]) -> list[Correlation | None]:
        rows, findings = author.matrix, self.reader.findings
        if len(rows) != len(names) or any(len(row) != len(names) for row in rows):
            message = f"the matrix has {len(names)} rows of {len(names)} numbers, as many as variables"
            findings.error("not-a-matrix", message, author.at("matrix"))
            return []
        found = list[Correlation | None]()
        for i, row in enumerate(rows):
            if self.reader.known(self.number(row[i])) != 1.0:
                message = "a variable's correlation with itself is 1"
                findings.error("not-a-matrix", message, row[i].span, "1")
            for j, text in enumerate(row[:i]):
                here = self.reader.known(self.number(text))
                there = self.reader.known(self.number(rows[j][i]))
                if here is not None and there is not None and here != there:
                    message = f"the matrix is not symmetric: this is {here:g}, and its mirror image {there:g}"
                    findings.error("not-a-matrix", message, text.span)
                found.append(self.pair(names[j], names[i], text))
        return found

    def check(self, correlations: tuple[Correlation, ...]) -> None:
        """Errors of all of them together: `two-correlations`, `impossible-correlations`."""
        findings = self.reader.findings
        found: Numbers = {}
        for c in correlations:
            if c.between in found or c.between[::-1] in found:
                message = f"the correlation between {_named(c)} is given twice"
                findings.error("two-correlations", message, c.span, "leave out one")
                return
            value = self.reader.known(c.r)
            found[c.between] = 0.0 if value is None else value
        try:
            cholesky(found)
        except NotPositiveDefiniteError as impossible:
            name, before = impossible.names[-1], set(impossible.names)
            guilty = [c for c in correlations if name in c.between and before >= set(c.between)]
            told = ", ".join(f"{found[c.between]:g} between {_named(c)}" for c in correlations if c in guilty)
            message = (
                f"these correlations cannot all hold: they leave `{name}` less than no variance of its own "
                f"({told}; a pair that is not named has 0)"
            )
            fix = "the matrix must be positive definite"
            findings.error("impossible-correlations", message, guilty[-1].span, fix)


def _named(c: Correlation) -> str:
    return f"`{c.between[0]}` and `{c.between[1]}`"


def _draws(e: Expr) -> bool:
    return e.op == "draw" or any(map(_draws, e.args))
