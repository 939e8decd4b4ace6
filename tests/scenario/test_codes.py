"""Codes and their check digits, against published ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.scenario.codes import SYSTEMS, has_check_digit, is_code
from sim.scenario.diagnostics import Findings
from sim.scenario.loader import Scalar
from sim.scenario.model import Span

# Type 2 diabetes, myocardial infarction, hypertension, asthma; the root; the British clinical extension.
SNOMED = ["44054006", "22298006", "38341003", "195967001", "138875005", "999000011000000103"]
# HbA1c, glucose (mass and substance), systolic pressure, LDL cholesterol, creatinine.
LOINC = ["4548-4", "2345-7", "14749-6", "8480-6", "13457-7", "2160-0"]


def findings_of(system: str, code: str) -> list[str]:
    findings = Findings()
    place = Span("x.yaml", 1, 1)
    is_code(system, Scalar(code, code, place, code, place), findings)
    return [d.rule for d in findings.diagnostics]


@pytest.mark.parametrize(("system", "code"), [("snomed", c) for c in SNOMED] + [("loinc", c) for c in LOINC])
def test_real_codes_pass(system: str, code: str) -> None:
    assert findings_of(system, code) == []


@given(code=st.sampled_from(SNOMED), at=st.integers(0, 20), digit=st.integers(1, 9))
def test_one_wrong_digit_of_a_snomed_code_is_found(code: str, at: int, digit: int) -> None:
    at %= len(code)
    wrong = code[:at] + str((int(code[at]) + digit) % 10) + code[at + 1 :]
    assert not has_check_digit("snomed", wrong)


@given(code=st.sampled_from(SNOMED), at=st.integers(0, 20))
def test_two_digits_of_a_snomed_code_exchanged_are_found(code: str, at: int) -> None:
    at %= len(code) - 1
    wrong = code[:at] + code[at + 1] + code[at] + code[at + 2 :]
    assert has_check_digit("snomed", wrong) == (wrong == code)


@given(code=st.sampled_from(LOINC), digit=st.integers(1, 9))
def test_a_wrong_check_digit_of_a_loinc_code_is_found(code: str, digit: int) -> None:
    wrong = code[:-1] + str((int(code[-1]) + digit) % 10)
    assert not has_check_digit("loinc", wrong)


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("snomed", "E11.9"),
        ("snomed", "044054006"),
        ("snomed", "٤٤٠٥٤٠٠٦"),
        ("icd10", "44054006"),
        ("icd10", "e11.9"),
        ("loinc", "4548"),
        ("rxnorm", "metformin"),
        ("cvx", "1150"),
    ],
)
def test_a_code_of_another_shape_is_an_error(system: str, code: str) -> None:
    assert findings_of(system, code) == ["bad-code"]


def test_every_example_is_a_code() -> None:
    for system, (_, example) in SYSTEMS.items():
        assert findings_of(system, example) == []
