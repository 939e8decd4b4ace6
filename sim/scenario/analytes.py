"""What laboratories measure in two systems of units: how a number in one becomes that in another.

Between a mass and an amount of substance in a volume stands the molar mass, by the standard atomic weights
(IUPAC 2021, abridged: C 12.011, H 1.008, N 14.007, O 15.999 g/mol). HbA1c follows the master equation between
the networks of NGSP and IFCC, NGSP = 0.09148 IFCC + 2.152 (Hoelzel et al., Clin Chem 2004;50:166-74), which
is a factor and a shift.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from sim.scenario.model import Type
from sim.scenario.units import standard

_ATOMS = {"C": Fraction("12.011"), "H": Fraction("1.008"), "N": Fraction("14.007"), "O": Fraction("15.999")}
_MASS = {"g/L": Fraction(1000), "mg/dL": Fraction(10), "mg/L": Fraction(1)}  # mg/L
_AMOUNT = {"mol/L": Fraction(1000), "mmol/L": Fraction(1), "umol/L": Fraction(1, 1000)}  # mmol/L

Line = tuple[Fraction, Fraction]  # slope and intercept


def _substance(**atoms: int) -> Mapping[str, Line]:
    """To mmol/L, for a molecule of so many atoms."""
    molar_mass = sum((_ATOMS[symbol] * count for symbol, count in atoms.items()), Fraction(0))
    slopes = {unit: each / molar_mass for unit, each in _MASS.items()} | _AMOUNT
    return {unit: (slope, Fraction(0)) for unit, slope in slopes.items()}


# For each, the line that leads from its units to one of them.
ANALYTES: dict[str, Mapping[str, Line]] = {
    "glucose": _substance(C=6, H=12, O=6),
    "cholesterol": _substance(C=27, H=46, O=1),
    "triglycerides": _substance(C=57, H=104, O=6),  # as if all were triolein, as laboratories do
    "creatinine": _substance(C=4, H=7, N=3, O=1),
    "hba1c": {"%": (Fraction(1), Fraction(0)), "mmol/mol": (Fraction("0.09148"), Fraction("2.152"))},
}


def conversion(analyte: str, unit: str, to: str) -> Line | None:
    """(a, b), exact, such that x in `unit` is a x + b in the unit `to`; None where one of them is none of the
    analyte's.
    """
    lines = ANALYTES.get(analyte, {})
    if standard(unit) not in lines or standard(to) not in lines:
        return None
    (slope, intercept), (slope_to, intercept_to) = lines[standard(unit)], lines[standard(to)]
    return slope / slope_to, (intercept - intercept_to) / slope_to


def measured(unit: str, analyte: str) -> Type:
    """The type of a result; without its analyte where that is not one measured in this unit."""
    return Type("number", unit=unit, analyte=analyte if standard(unit) in ANALYTES.get(analyte, {}) else "")


def difference(of: Type) -> Type:
    """The type of what is added to such a number: its units convert only where they differ by a factor."""
    shifted = any(intercept for _, intercept in ANALYTES.get(of.analyte, {}).values())
    return Type("number", unit=of.unit) if shifted else of
