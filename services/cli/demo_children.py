"""Made-up submissions. Homes, ages and diagnoses follow the figures of the seed documents; no person is real."""

import random
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any, TextIO

from services.cli.demo_names import NAMES
from services.cli.streams import json_line
from services.contracts.iin import check_digit
from services.contracts.reference import Settlement, read_settlements, rows
from services.contracts.submissions import NEWBORN_DAYS
from services.contracts.vocabulary import Gmfcs, Priority, Sex

REFERENCE_DAY = date(2026, 11, 1)
"""The day of the ages when none is given, so that a seed gives the same lines on every day."""

LASTING_DAYS = 5_500
"""The greatest age when no day is given; all have an IIN then, and the lines stay valid until the autumn of 2029."""

UNKNOWN_POPULATION = 1_000
"""Assumed where GeoNames gives no population."""

AGES_IN_DAYS = ((0.20, 1, 1_095), (0.70, 1_096, 5_112), (0.10, 5_113, 6_540))
"""Share, first day, last day. A fifth are under three (seeds: 12,000 a year of 12,000 + 45,000 + 4,200), the incidence
counts those under 14, and a tenth up to 17 is assumed."""

_AGE_SHARES = tuple(accumulate(share for share, _, _ in AGES_IN_DAYS[:-1]))

CEREBRAL_PALSY_SHARE = 50 / 91
"""Of the children in Astana's Balam-Ay day stay (seed 001_cc21e774a78f12b1.txt)."""


@dataclass(frozen=True, slots=True)
class DiagnosisGroup:
    """Diagnoses of the same age: ICD-10 prefixes, and the months from and under. The ages are assumed."""

    prefixes: tuple[str, ...]
    from_months: int = 0
    under_months: int = 216


PALSY = DiagnosisGroup(("G80",), from_months=3)
OTHERS = (
    DiagnosisGroup(("P07",), under_months=24),
    DiagnosisGroup(("P10", "P11", "P12", "P13", "P14", "P15"), under_months=24),
    DiagnosisGroup(("P91",), under_months=12),
    DiagnosisGroup(("Q0", "Q6", "Q7")),
    DiagnosisGroup(("Q9",)),
    DiagnosisGroup(("G91", "G93", "G96"), from_months=3),
    DiagnosisGroup(("G12", "G71"), from_months=6),
    DiagnosisGroup(("F80", "F81", "F82", "F83", "F88", "F89", "R62"), from_months=18),
    DiagnosisGroup(("F84",), from_months=24),
    DiagnosisGroup(("F70", "F71", "F72", "F73", "F78", "F79"), from_months=36),
)
"""The diagnoses of the Shymkent department and the other centers of the seeds. Their shares are assumed equal."""

WISHES = (
    ["inpatient"], ["inpatient", "day_stay"], ["inpatient", "outpatient"], ["day_stay", "outpatient"], ["outpatient"],
    ["inpatient", "day_stay", "outpatient"], ["outpatient", "home_care"],
    ["inpatient", "day_stay", "outpatient", "home_care"],
)  # fmt: skip
LEVELS = tuple(level.value for level in Gmfcs)
DISTANCES_KM = (50.0, 100.0, 300.0, 600.0, 1_000.0)


def read_incidence(data: Path) -> dict[str, float]:
    """Cases per 100,000 under 14 by region id; `KZ` is the nation."""
    return {row["region_id"]: float(row["per_100_000"]) for row in rows(data / "incidence.csv")}


def expected_weights(settlements: Sequence[Settlement], incidence: Mapping[str, float]) -> list[float]:
    """The weight of each settlement as a child's home: incidence times population."""
    return [
        incidence.get(place.region_id, incidence["KZ"]) * (place.population or UNKNOWN_POPULATION)
        for place in settlements
    ]


def demo_children(
    count: int,
    seed: int,
    settlements: Sequence[Settlement],
    incidence: Mapping[str, float],
    codes: Sequence[str],
    today: date | None = None,
) -> Iterator[dict[str, Any]]:
    """`count` bodies of `POST /v1/diagnoses`; the same arguments give the same bodies.

    With `today` they are valid on that day, and half of the newborns have no IIN; another `today` moves the birth dates
    (and so the IINs) and nothing else. Without it ages are as of REFERENCE_DAY, and the bodies stay valid for years.
    `codes` are those of `data/diagnoses.csv`. Raises ValueError where `codes` lack one of the groups.
    """
    chance = random.Random(seed)  # noqa: S311
    homes = list(accumulate(expected_weights(settlements, incidence)))
    ids = [place.id for place in settlements]
    palsy = _codes_of(PALSY, codes)
    others = [(group, _codes_of(group, codes)) for group in OTHERS]
    taken: set[str] = set()
    for _ in range(count):
        days = _age_in_days(chance) if today else min(_age_in_days(chance), LASTING_DAYS)
        code = _code(chance, days, palsy, others)
        child, guardian = _child_and_guardian(chance, days, today or REFERENCE_DAY, taken, newborns=today is not None)
        yield {
            "child": child,
            "guardian": guardian,
            "diagnosis": _diagnosis(chance, code),
            "settlement_id": ids[bisect(homes, chance.random() * homes[-1])],
            **_wishes(chance),
            "consent": {"text_version": "2026-1", "language": "kk", "given_on": (today or REFERENCE_DAY).isoformat()},
        }


def write_demo_children(out: TextIO, count: int, seed: int, data: Path, today: date | None = None) -> None:
    """Write `count` submissions to `out` as NDJSON; `data` is the folder of the reference data."""
    settlements = list(read_settlements(data).values())
    codes = [row["code"] for row in rows(data / "diagnoses.csv")]
    for body in demo_children(count, seed, settlements, read_incidence(data), codes, today):
        out.write(json_line(body, out))


def _codes_of(group: DiagnosisGroup, codes: Sequence[str]) -> list[str]:
    found = [code for code in codes if code.startswith(group.prefixes)]
    if not found:
        raise ValueError(f"codes: none starts with {' or '.join(group.prefixes)}")
    return found


def _pick(chance: random.Random, options: Sequence[Any]) -> Any:
    return options[int(chance.random() * len(options))]


def _age_in_days(chance: random.Random) -> int:
    _, first, last = AGES_IN_DAYS[bisect(_AGE_SHARES, chance.random())]
    return first + int(chance.random() * (last - first + 1))


def _code(
    chance: random.Random, days: int, palsy: Sequence[str], others: Sequence[tuple[DiagnosisGroup, Sequence[str]]]
) -> str:
    months = days / 30.44
    if months >= PALSY.from_months and chance.random() < CEREBRAL_PALSY_SHARE:
        return str(_pick(chance, palsy))
    fitting = [codes for group, codes in others if group.from_months <= months < group.under_months]
    return str(_pick(chance, _pick(chance, fitting)))


def _diagnosis(chance: random.Random, code: str) -> dict[str, str]:
    graded = code.startswith("G80") and chance.random() < 0.9
    return {"icd10": code, "gmfcs": _pick(chance, LEVELS)} if graded else {"icd10": code}


def _wishes(chance: random.Random) -> dict[str, Any]:
    """Modalities, and for some a farthest distance or the clinician's priority; the shares are assumed."""
    wishes: dict[str, Any] = {"modalities": _pick(chance, WISHES)}
    if chance.random() < 0.25:
        wishes["max_distance_km"] = _pick(chance, DISTANCES_KM)
    urgency = chance.random()
    if urgency < 0.15:
        wishes["priority"] = (Priority.URGENT if urgency < 0.05 else Priority.HIGH).value
    return wishes


def _child_and_guardian(
    chance: random.Random, days: int, today: date, taken: set[str], newborns: bool
) -> tuple[dict[str, str], dict[str, str]]:
    born = today - timedelta(days=days)
    sex = Sex.MALE if chance.random() < 0.51 else Sex.FEMALE
    names = _pick(chance, NAMES)
    surname = _pick(chance, names.surnames)
    child = {
        "full_name": names.full_name(surname, _pick(chance, names.given(sex)), _pick(chance, names.fathers), sex),
        "birth_date": born.isoformat(),
        "sex": sex.value,
    }
    unregistered = days <= NEWBORN_DAYS and chance.random() < 0.5
    if not (newborns and unregistered):
        child["iin"] = _iin(chance, born, sex, taken)
    guardian = names.full_name(surname, _pick(chance, names.mothers), _pick(chance, names.fathers), Sex.FEMALE)
    return child, {"full_name": guardian, "phone": _phone(chance)}


def _iin(chance: random.Random, born: date, sex: Sex, taken: set[str]) -> str:
    """A new IIN for `born` (from 2000 on) and `sex`; `taken` are those of this run."""
    head = f"{born:%y%m%d}{5 if sex is Sex.MALE else 6}"
    while True:
        eleven = f"{head}{int(chance.random() * 10_000):04d}"
        digit = check_digit(eleven)
        if digit is not None and eleven not in taken:
            taken.add(eleven)
            return f"{eleven}{digit}"


def _phone(chance: random.Random) -> str:
    """A number of Kazakhstan's unused range +7 6…, so that no person is called."""
    return f"+7600{int(chance.random() * 10_000_000):07d}"
