"""Who is in the cohort: born between two dates, or alive on one, and what that says of the lives before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

Live = Callable[..., Any]
Floats = NDArray[np.float64]
YEAR = 365.25
ALIVE = 10957.0  # 2000-01-01


def frame(more: str = "", window: str = "{from: 2000-01-01, to: 2010-01-01}") -> str:
    return f"""
scenario: alive on a date
window: {window}
population:
  size: 1
  alive_on: {{date: 2000-01-01, ages: ages.csv}}
{more}
pathways: [world.yaml]
providers: {{clinic: {{class: ambulatory}}}}
"""


def ages_on_the_date(lives: Any) -> Floats:
    return np.asarray((ALIVE - lives.people.birth) / YEAR)


# ---- sex and age


def test_sex_and_age_are_as_in_the_table(live: Live) -> None:
    """By sex, chi-square over the groups and Kolmogorov-Smirnov within one. Mortality leaves no trace before
    the date, as it would by thinning the old out.
    """
    counts = {
        "female": {"0-17": 300, "18-39": 500, "40-64": 400, "65-84": 200, "85-99": 40},
        "male": {"0-17": 350, "18-39": 450, "40-64": 350, "65-84": 100, "85-99": 0},
    }
    table = "sex,age,population\n" + "".join(
        f"{sex},{age},{n}\n" for sex, groups in counts.items() for age, n in groups.items()
    )
    n = 200_000
    lives = live(
        "",
        n,
        frame=frame("mortality: {table: q.csv}"),
        tables={"ages.csv": table, "q.csv": "age,q\n0-49,0.01\n50-84,0.1\n85+,0.3\n"},
    )
    assert len(lives.people.patient) == n
    assert (lives.people.attempts == 1).all()
    ages, edges = ages_on_the_date(lives), np.array([0, 18, 40, 65, 85, 100])
    totals = np.array([list(groups.values()) for groups in counts.values()], float)
    found = np.array([np.histogram(ages[lives.people.sex == sex], edges)[0] for sex in (0, 1)])
    assert found[1, 4] == 0
    expected = totals / totals.sum() * n
    assert stats.chisquare(found[expected > 0], expected[expected > 0]).pvalue > 1e-6
    adults = ages[(ages >= 18) & (ages < 40)]
    assert stats.kstest(adults, stats.uniform(18, 22).cdf).pvalue > 1e-6


def test_birth_is_uniform_between_two_dates(live: Live) -> None:
    n = 50_000
    lives = live(
        "",
        n,
        frame="""
scenario: born
window: {from: 1990-01-01, to: 2010-01-01}
population: {size: 1, born: {from: 1980-01-01, to: 2000-01-01}, sex: {female: 0.3, male: 0.7}}
pathways: [world.yaml]
""",
    )
    birth = lives.people.birth
    assert stats.kstest(birth, stats.uniform(3652, 7305).cdf).pvalue > 1e-6
    female = (lives.people.sex == 0).mean()
    assert abs(female - 0.3) < 5 * np.sqrt(0.21 / n)
    assert abs(np.corrcoef(birth, lives.people.sex)[0, 1]) < 5 / np.sqrt(n)
    window = 7305 * 86_400
    assert np.array_equal(lives.people.entered, np.maximum(window, np.floor(birth * 86_400)))


def test_only_those_alive_in_the_window_are_seen(live: Live) -> None:
    lives = live(
        """
disease: {life: {alive: {-> dead: {rate: 0.02 per year, cause: old_age}}}}
conditions: {old_age: {snomed: "102522009"}}
""",
        20_000,
        frame="""
scenario: born long before the window
window: {from: 1990-01-01, to: 2010-01-01}
population: {size: 1, born: {from: 1950-01-01, to: 2030-01-01}, sex: {female: 0.5, male: 0.5}}
pathways: [world.yaml]
""",
    )
    people = lives.people
    start, end = 7305 * 86_400, 14610 * 86_400
    assert people.entered.min() == start
    assert (people.left > people.entered).all()
    assert (people.left[~people.died] == end).all()
    assert people.left.max() == end
    # 20,000 people by year of birth times the chance to live to the window
    expected = 20_000 / 80 * ((np.exp(-0.02 * 0) - np.exp(-0.02 * 40)) / 0.02 + 20)
    assert abs(len(people.patient) - expected) < 5 * np.sqrt(20_000 * 0.25)
    deaths = lives.rows("death")
    assert np.array_equal(people.patient[people.died], deaths.patient)
    assert np.array_equal(people.left[people.died], deaths.start)


# ---- alive on a date


DISEASE = """
disease:
  course:
    well: {-> ill: {rate: 0.02 per year}}
    ill: {-> dead: {rate: 0.1 per year, cause: illness}}
conditions: {illness: {snomed: "39104002"}}
"""
AGES = "age,population\n20-59,1\n"


def states_on(lives: Any, day: float) -> NDArray[np.int64]:
    """The state of each of `people` on a day since 1970-01-01."""
    rows = lives.rows("state")
    before = rows.start <= day * 86_400
    state = np.full(len(lives.people.patient), -9)
    state[np.searchsorted(lives.people.patient, rows.patient[before])] = rows.code[before]
    return state


def test_those_alive_are_a_sample_of_all_who_lived_to_the_date(live: Live) -> None:
    """P(ill at age a | alive at a), from the closed form. Redrawing the age as well, or nothing, would show.

    Deaths from other causes, which read no disease, must change neither.
    """
    n = 100_000
    lives = live(
        DISEASE,
        n,
        frame=frame("  sex: {female: 0.5, male: 0.5}\nmortality: {table: q.csv}"),
        tables={"ages.csv": AGES, "q.csv": "age,q\n0-39,0.002\n40+,0.05\n"},
    )
    ages = ages_on_the_date(lives)
    assert stats.kstest(ages, stats.uniform(20, 40).cdf).pvalue > 1e-6
    well = np.exp(-0.02 * ages)
    ill = 0.02 / 0.08 * (np.exp(-0.02 * ages) - np.exp(-0.1 * ages))
    expected = ill / (well + ill)
    found = states_on(lives, ALIVE) == 1
    assert (states_on(lives, ALIVE) >= 0).all()
    for low in range(20, 60, 5):
        group = (ages >= low) & (ages < low + 5)
        p = expected[group]
        assert abs(found[group].mean() - p.mean()) < 5 * np.sqrt((p * (1 - p)).mean() / group.sum())
    # the number of lives drawn for one person is geometric
    alive = well + ill
    attempts = lives.people.attempts
    error = np.sqrt(((1 - alive) / alive**2).mean() / n)
    assert abs(attempts.mean() - (1 / alive).mean()) < 5 * error
    assert abs((attempts == 1).mean() - alive.mean()) < 5 * np.sqrt(0.25 / n)


def test_sex_and_birth_are_drawn_once_and_never_again(live: Live) -> None:
    """The same people with and without a disease that redraws some of them; the others have the same
    lives."""
    size = "  sex: {female: 0.5, male: 0.5}"
    harmless = DISEASE.replace("0.1 per year, cause", "1e-9 per year, cause")
    one = live(DISEASE, 2000, frame=frame(size), tables={"ages.csv": AGES})
    other = live(harmless, 2000, frame=frame(size), tables={"ages.csv": AGES})
    assert np.array_equal(one.people.birth, other.people.birth)
    assert np.array_equal(one.people.sex, other.people.sex)
    assert (other.people.attempts == 1).all()
    redrawn = one.people.attempts > 1
    assert 0.1 < redrawn.mean() < 0.6
    onset, same = one.first("state", "ill"), other.first("state", "ill")
    assert np.array_equal(onset[~redrawn], same[~redrawn])
    assert not np.array_equal(onset[redrawn], same[redrawn])


def test_redrawn_variables_are_those_of_survivors(live: Live) -> None:
    """A frail person is redrawn more often: P(frail | alive at a) is Bayes'."""
    n = 50_000
    lives = live(
        """
variables: {frail: bernoulli(0.5)}
disease: {life: {alive: {-> dead: {rate: 0.04 per year, while: frail, cause: illness}}}}
conditions: {illness: {snomed: "39104002"}}
""",
        n,
        frame=frame("  sex: {female: 0.5, male: 0.5}"),
        tables={"ages.csv": AGES},
    )
    expected = 1 / (1 + np.exp(0.04 * ages_on_the_date(lives)))
    frail = lives.rows("variable", "frail").value
    assert abs(frail.mean() - expected.mean()) < 5 * np.sqrt(0.25 / n)
    ages = ages_on_the_date(lives)
    old = ages > 50
    assert abs(frail[old].mean() - expected[old].mean()) < 5 * np.sqrt(0.25 / old.sum())


def test_background_mortality_begins_at_the_date(live: Live) -> None:
    """Memoryless: from the date on everyone dies by the table's hazard for his or her age, whatever came
    before."""
    n = 100_000
    lives = live(
        "",
        n,
        frame=frame("  sex: {female: 0.5, male: 0.5}\nmortality: {table: q.csv}"),
        tables={"ages.csv": AGES, "q.csv": "age,q\n0-39,0.002\n40+,0.05\n"},
    )
    ages, years = ages_on_the_date(lives), 10 * 365.3 / YEAR  # 3,653 days
    low, high = -np.log1p(-np.array([0.002, 0.05]))
    young = np.clip(40 - ages, 0, years)
    survive = np.exp(-low * young - high * (years - young))
    for group in (ages < 30, (ages >= 30) & (ages < 40), ages >= 40):
        found, p = ~lives.people.died[group], survive[group]
        assert abs(found.mean() - p.mean()) < 5 * np.sqrt((p * (1 - p)).mean() / group.sum())


def test_a_date_before_the_window(live: Live) -> None:
    """Who dies between the date and the window is not seen; the rest are those who lived on."""
    n = 50_000
    lives = live(
        "",
        n,
        frame=frame(
            "  sex: {female: 0.5, male: 0.5}\nmortality: {table: q.csv}",
            window="{from: 2005-01-01, to: 2010-01-01}",
        ),
        tables={"ages.csv": AGES, "q.csv": "age,q\n0+,0.05\n"},
    )
    share = 0.95 ** (1827 / YEAR)
    assert abs(len(lives.people.patient) / n - share) < 5 * np.sqrt(share * (1 - share) / n)
    assert (lives.people.entered == 12784 * 86_400).all()


@pytest.mark.parametrize("entry", ["30 years", "2000-01-01"])
def test_entry_and_a_date(live: Live, entry: str) -> None:
    """Disease begins at entry: nobody is redrawn for a death before, as there can be none."""
    n = 20_000
    lives = live(
        DISEASE,
        n,
        frame=frame(f"  sex: {{female: 0.5, male: 0.5}}\n  entry: {entry}"),
        tables={"ages.csv": AGES},
    )
    ages = ages_on_the_date(lives)
    at_risk = np.maximum(ages - 30, 0) if entry == "30 years" else np.zeros(n)
    well = np.exp(-0.02 * at_risk)
    ill = 0.25 * (np.exp(-0.02 * at_risk) - np.exp(-0.1 * at_risk))
    found, expected = states_on(lives, ALIVE) == 1, ill / (well + ill)
    assert abs(found.mean() - expected.mean()) < 5 * np.sqrt(0.25 / n)
    assert not found[at_risk == 0].any()
    expected_entry = np.maximum(ALIVE, lives.people.birth + 30 * YEAR) if entry == "30 years" else ALIVE
    assert (abs(lives.people.entered / 86_400 - expected_entry) < 2e-5).all()
