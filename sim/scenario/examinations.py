"""Tests whose results are no numbers, yes or no, or one of several things seen; and panels of biomarkers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from sim.scenario.codes import codes_of
from sim.scenario.disease import check_shares
from sim.scenario.expressions import Call, Name
from sim.scenario.loader import Mapping as Node
from sim.scenario.loader import Scalar, place
from sim.scenario.model import (
    DURATION,
    NOT_MEASURED,
    NUMBER,
    TRUTH,
    Biomarker,
    Examination,
    Expr,
    Panel,
    Span,
    Type,
)
from sim.scenario.names import result_type
from sim.scenario.reader import BROKEN, REST, Reader
from sim.scenario.schema import Examination as Author
from sim.scenario.schema import Pathway

OTHERWISE = "otherwise"
_EXAMPLE = "otherwise: 0.05"


class ExaminationReader:
    """Reads the tests of one pathway."""

    def __init__(self, pathway: Pathway, reader: Reader):
        self.tests = pathway.tests
        self.prefix = pathway.pathway.text
        self.reader = reader
        self.findings = reader.findings

    def examinations(self) -> tuple[Examination, ...]:
        tests = [(name, author) for name, author in self.tests.items() if not author.has("panel")]
        return tuple(self.examination(name, author) for name, author in tests)

    def examination(self, name: str, author: Author) -> Examination:
        of = result_type(author)
        return Examination(
            f"{self.prefix}.{name}",
            codes_of(author, self.findings),
            author.display or name.replace("_", " "),
            author.span,
            of,
            self.result(author, of),
            self.reader.expression(author.takes, DURATION, "draw") if author.takes else None,
        )

    def result(self, author: Author, of: Type) -> Expr:
        """The draw of the result: that of the first entry which holds."""
        given = [key for key in ("positive", "result") if author.has(key)]
        if len(given) != 1:
            message = "a test has `positive:`, `result:` with what can be seen, or `panel:`"
            self.findings.error("test-kind", message, author.span, author.example())
            return BROKEN
        if author.has("errors_correlate"):
            message = "errors are those of a panel's biomarkers"
            self.findings.error("misplaced-key", message, author.at("errors_correlate"), "panel: [a, b]")
        rows: Mapping[str, object] = getattr(author, given[0])
        written = author.node[given[0]]
        if not isinstance(written, Node) or not rows:
            return BROKEN
        self.check_otherwise(list(written), written)
        found, e = dict(rows), BROKEN
        last = found.pop(OTHERWISE, None)
        if last is not None:
            e = self.shown(last, of, place(written[OTHERWISE]))
        for key, row in reversed(found.items()):
            at = place(written[key])
            condition = self.situation(key, at)
            e = Expr("if", (condition, self.shown(row, of, at), e), None, of, at)
        return e

    def check_otherwise(self, keys: list[str], written: Node) -> None:
        if OTHERWISE not in keys:
            message = "what is seen of everybody else is missing: 1 minus the specificity"
            self.findings.error("missing-key", message, place(written), _EXAMPLE)
        elif keys[-1] != OTHERWISE:
            message = "nothing after `otherwise:` is ever looked at"
            self.findings.error("unreachable-entry", message, place(written[keys[-1]]), "put it before")

    def situation(self, key: str, at: Span) -> Expr:
        """The truth in which an entry holds: the name of a state is being in it."""
        syntax = self.reader.syntax(Scalar(key, key, at, key, at))
        if syntax is None:
            return BROKEN
        felt = Call(Name("felt", syntax.span), (syntax,), (), syntax.span)
        return self.reader.checked(felt, TRUTH, "seen")

    def shown(self, row: object, of: Type, at: Span) -> Expr:
        """The draw of one entry: a probability, or a share for each of some results."""
        if isinstance(row, Scalar):
            p = self.reader.probability(row, "seen")
            return Expr("draw", (p,), "bernoulli", TRUTH, row.span)
        assert isinstance(row, dict)
        check_shares(self.reader, list(row.values()), at, "the shares of these results")
        shares = {level: self.reader.share(share, "seen") for level, share in row.items()}
        if shares and all(share.op != "rest" for share in shares.values()):
            shares[list(shares)[-1]] = REST  # what is left but for rounding
        none = Expr("const", (), 0.0, span=at)
        return Expr("draw", tuple(shares.get(level, none) for level in of.levels), "categorical", of, at)

    # ---- panels

    def panels(self, biomarkers: Sequence[Biomarker]) -> tuple[Panel, ...]:
        errors = {b.name for b in biomarkers if b.measurement_error is not None}
        unmeasured = {b.name for b in biomarkers if b.value is NOT_MEASURED}
        found = [(name, author) for name, author in self.tests.items() if author.has("panel")]
        return tuple(self.panel(name, author, errors, unmeasured) for name, author in found)

    def panel(self, name: str, author: Author, errors: Set[str], unmeasured: Set[str]) -> Panel:
        for key in ("positive", "result", "takes"):
            if author.has(key):
                message = f"`{key}:` does not belong to a panel, whose biomarkers have results of their own"
                self.findings.error("misplaced-key", message, author.at(key), "make two tests of it")
        members = [self.reader.name(member, ("biomarker",)) for member in author.panel]
        for nth, (member, text) in enumerate(zip(members, author.panel, strict=True)):
            if member and member in members[:nth]:
                self.findings.error("same-name", f"`{text.text}` is in this panel twice", text.span)
            if member in unmeasured:
                message = f"`{text.text}` has no `value:`, so there is nothing to measure"
                self.findings.error("not-measured", message, text.span, "value: what it truly is")
        if len(members) < 2:
            message = "a panel measures two biomarkers or more"
            self.findings.error("wrong-shape", message, author.at("panel"), "panel: [sbp, dbp]")
        together = None
        if author.errors_correlate:
            together = self.correlation(author.errors_correlate, sum(m in errors for m in members))
        display = author.display or name.replace("_", " ")
        codes = codes_of(author, self.findings)
        return Panel(f"{self.prefix}.{name}", codes, display, author.span, tuple(members), together)

    def correlation(self, text: Scalar, errors: int) -> Expr:
        """Of each two of so many errors: their matrix is positive definite from -1 / (errors - 1) to 1."""
        r = self.reader.expression(text, NUMBER, "condition")
        value = self.reader.known(r)
        if r is BROKEN:
            return r
        if errors < 2:
            message = "less than two of these biomarkers have a `measurement_error:`"
            self.findings.error("nothing-to-correlate", message, text.span)
        elif value is None:
            message = "a correlation is a number, or reads parameters alone"
            self.findings.error("not-constant", message, text.span)
        elif not -1.0 / (errors - 1) < value < 1.0:
            least = f"{-1.0 / (errors - 1):.3g}"
            message = f"{errors} errors can have correlations between {least} and 1; this one is {value:.6g}"
            self.findings.error("not-a-correlation", message, text.span)
        return r
