"""Made-up submissions whose homes, ages and diagnoses follow the seed documents' figures. Nobody real is in them."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any, TextIO

import orjson

from services.cli.demo_names import CHILDREN, MOTHERS
from services.contracts.iin import check_digit
from services.contracts.reference import Settlement, read_settlements, rows
from services.contracts.vocabulary import Gmfcs, Modality, Priority, Sex

REFERENCE_DAY = date(2026, 11, 1)
"""The day of which ages are when none is named: the same seed gives the same lines on every day."""

LASTING_DAYS = 5_500
"""Then nobody is older than this, and everybody has an IIN: the lines stay valid until the autumn of 2029."""

UNKNOWN_POPULATION = 1_000
"""Assumed where GeoNames gives no population."""

NEWBORN_DAYS = 60
"""Up to this age a child may have no IIN yet; here every second one has none."""

AGES_IN_DAYS = ((0.20, 1, 1_095), (0.70, 1_096, 5_112), (0.10, 5_113, 6_540))
"""Share, first day, last day. A fifth are under three (seeds: 12,000 a year of 12,000 + 45,000 + 4,200), the incidence
counts those under 14, and a tenth up to 17 is assumed."""

_AGE_SHARES = tuple(accumulate(share for share, _, _ in AGES_IN_DAYS[:-1]))

CEREBRAL_PALSY_SHARE = 50 / 91
"""Of the children in Astana's Balam-Ay day stay (seed 001_cc21e774a78f12b1.txt)."""


@dataclass(frozen=True, slots=True)
class Family:
    """Diagnoses that are made at the same age: ICD-10 prefixes, and months from and under. The ages are assumed."""

    prefixes: tuple[str, ...]
    from_months: int = 0
    under_months: int = 216


PALSY = Family(("G80",), from_months=3)
OTHERS = (
    Family(("P07",), under_months=24),
    Family(("P10", "P11", "P12", "P13", "P14", "P15"), under_months=24),
    Family(("P91",), under_months=12),
    Family(("Q0", "Q6", "Q7")),
    Family(("Q9",)),
    Family(("G91", "G93", "G96"), from_months=3),
    Family(("G12", "G71"), from_months=6),
    Family(("F80", "F81", "F82", "F83", "F88", "F89", "R62"), from_months=18),
    Family(("F84",), from_months=24),
    Family(("F70", "F71", "F72", "F73", "F78", "F79"), from_months=36),
)
"""What the Shymkent department and the other centers of the seeds take; each equally often: no seed says how often."""

INPATIENT, DAY_STAY, OUTPATIENT, HOME_CARE = (
    Modality.INPATIENT.value, Modality.DAY_STAY.value, Modality.OUTPATIENT.value, Modality.HOME_CARE.value,
)  # fmt: skip
WISHES = (
    [INPATIENT], [INPATIENT, DAY_STAY], [INPATIENT, OUTPATIENT], [DAY_STAY, OUTPATIENT], [OUTPATIENT],
    [INPATIENT, DAY_STAY, OUTPATIENT], [OUTPATIENT, HOME_CARE], [INPATIENT, DAY_STAY, OUTPATIENT, HOME_CARE],
)  # fmt: skip
LEVELS = tuple(level.value for level in Gmfcs)
DISTANCES_KM = (50.0, 100.0, 300.0, 600.0, 1_000.0)


def read_incidence(data: Path) -> dict[str, float]:
    """Cases per 100,000 under 14 by region id; `KZ` is the nation."""
    return {row["region_id"]: float(row["per_100_000"]) for row in rows(data / "incidence.csv")}


def expected_weights(settlements: Sequence[Settlement], incidence: Mapping[str, float]) -> list[float]:
    """How often each settlement is a child's home, relative to the others: incidence times population."""
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

    With `today` they are valid on that day, newborns without an IIN among them; another `today` moves the birth dates
    (and so the IINs) and nothing else. Without it they are of REFERENCE_DAY, and stay valid for years.
    `codes` are those of `data/diagnoses.csv`. Raises ValueError where `codes` lack a family of diagnoses.
    """
    chance = random.Random(seed)  # noqa: S311
    homes = list(accumulate(expected_weights(settlements, incidence)))
    ids = [place.id for place in settlements]
    palsy = _codes_of(PALSY, codes)
    others = [(family, _codes_of(family, codes)) for family in OTHERS]
    taken: set[str] = set()
    for _ in range(count):
        days = _age_in_days(chance) if today else min(_age_in_days(chance), LASTING_DAYS)
        code = _code(chance, days, palsy, others)
        child, guardian = _family(chance, days, today or REFERENCE_DAY, taken, newborns=today is not None)
        yield {
            "child": child,
            "guardian": guardian,
            "diagnosis": _diagnosis(chance, code),
            "settlement_id": ids[bisect(homes, chance.random() * homes[-1])],
            **_wishes(chance),
        }


def write_demo_children(out: TextIO, count: int, seed: int, data: Path, today: date | None = None) -> None:
    """Write `count` submissions to `out` as NDJSON; `data` is the folder of the reference data."""
    settlements = list(read_settlements(data).values())
    codes = [row["code"] for row in rows(data / "diagnoses.csv")]
    for body in demo_children(count, seed, settlements, read_incidence(data), codes, today):
        out.write(orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE).decode())


def _codes_of(family: Family, codes: Sequence[str]) -> list[str]:
    found = [code for code in codes if code.startswith(family.prefixes)]
    if not found:
        raise ValueError(f"codes: none starts with {' or '.join(family.prefixes)}")
    return found


def _pick(chance: random.Random, options: Sequence[Any]) -> Any:
    return options[int(chance.random() * len(options))]


def _age_in_days(chance: random.Random) -> int:
    _, first, last = AGES_IN_DAYS[bisect(_AGE_SHARES, chance.random())]
    return first + int(chance.random() * (last - first + 1))


def _code(
    chance: random.Random, days: int, palsy: Sequence[str], others: Sequence[tuple[Family, Sequence[str]]]
) -> str:
    months = days / 30.44
    if months >= PALSY.from_months and chance.random() < CEREBRAL_PALSY_SHARE:
        return str(_pick(chance, palsy))
    fitting = [codes for family, codes in others if family.from_months <= months < family.under_months]
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


def _family(
    chance: random.Random, days: int, today: date, taken: set[str], newborns: bool
) -> tuple[dict[str, str], dict[str, str]]:
    born = today - timedelta(days=days)
    sex = Sex.MALE if chance.random() < 0.51 else Sex.FEMALE
    names, mothers = _pick(chance, tuple(zip(CHILDREN, MOTHERS, strict=True)))
    surname = _pick(chance, names.surnames)
    child = {
        "full_name": names.full_name(surname, _pick(chance, names.given(sex)), _pick(chance, names.fathers), sex),
        "birth_date": born.isoformat(),
        "sex": sex.value,
    }
    unregistered = days <= NEWBORN_DAYS and chance.random() < 0.5
    if not (newborns and unregistered):
        child["iin"] = _iin(chance, born, sex, taken)
    guardian = names.full_name(surname, _pick(chance, mothers), _pick(chance, names.fathers), Sex.FEMALE)
    return child, {"full_name": guardian, "phone": _phone(chance)}


def _iin(chance: random.Random, born: date, sex: Sex, taken: set[str]) -> str:
    """A number that fits `born` (from 2000 on) and `sex` and that this run has not given yet."""
    head = f"{born:%y%m%d}{5 if sex is Sex.MALE else 6}"
    while True:
        eleven = f"{head}{int(chance.random() * 10_000):04d}"
        digit = check_digit(eleven)
        if digit is not None and eleven not in taken:
            taken.add(eleven)
            return f"{eleven}{digit}"


def _phone(chance: random.Random) -> str:
    """+7 6… is set aside for Kazakhstan and no operator uses it, so nobody is called."""
    return f"+7600{int(chance.random() * 10_000_000):07d}"
