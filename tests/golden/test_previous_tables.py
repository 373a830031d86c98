"""The processes of the release before work on today's tables: an upgrade migrates first, and then replaces them."""

from copy import deepcopy
from typing import Any

import pytest

from tests.golden.previous import recorded_tables
from tests.golden.tables import hindrances, migrated

BEFORE = recorded_tables()


@pytest.mark.parametrize("service", BEFORE)
def test_the_release_before_reads_and_writes_the_tables_of_today(service: str) -> None:
    assert hindrances(BEFORE[service], migrated()[service]) == []


REFERRALS = BEFORE["referral"]["referrals"]


def changed(**columns: dict[str, Any] | None) -> dict[str, Any]:
    """The table of referrals with other columns; None takes one away."""
    table = deepcopy(REFERRALS)
    table["columns"] = {name: one for name, one in (table["columns"] | columns).items() if one is not None}
    return {"referrals": table}


@pytest.mark.parametrize(
    ("now", "why"),
    [
        ({}, "referrals: the table is gone"),
        (changed(gmfcs=None), "referrals: the column gmfcs is gone"),
        (changed(gmfcs={"type": "INTEGER", "optional": True}), "referrals: gmfcs is INTEGER, was VARCHAR(3)"),
        (changed(gmfcs={"type": "VARCHAR(3)", "optional": False}), "referrals: gmfcs must have a value now"),
        (changed(ward={"type": "INTEGER", "optional": False}), "referrals: the new column ward must have a value"),
        ({"referrals": REFERRALS | {"rules": ["UNIQUE ['gmfcs']"]}}, "referrals: a new rule: UNIQUE ['gmfcs']"),
    ],
)
def test_what_the_release_before_does_not_bear_is_named(now: dict[str, Any], why: str) -> None:
    assert hindrances({"referrals": REFERRALS}, now) == [why]


def test_what_the_release_before_does_not_notice_is_no_hindrance() -> None:
    roomier = changed(ward={"type": "INTEGER", "optional": True}, state=REFERRALS["columns"]["state"])
    assert hindrances({"referrals": REFERRALS}, roomier | {"wards": REFERRALS}) == []
