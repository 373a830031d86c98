"""Filters of lists: which ones an index answers."""

from datetime import UTC, date, datetime

import pytest

from services.referral.adapters.sql_views import ReferralFilter

DAY = date(2026, 11, 29)


@pytest.mark.parametrize(
    "short",
    [
        ReferralFilter(()),
        ReferralFilter((), states=("waiting", "offered")),
        ReferralFilter((("polyclinic_id", "p"), ("number", "1A2B3C"))),
        ReferralFilter((("center_id", "c"),)),
    ],
)
def test_lists_that_an_index_finds_share_a_snapshot(short: ReferralFilter) -> None:
    assert short.by_index is True


@pytest.mark.parametrize(
    "long",
    [
        ReferralFilter((("region_id", "KZ-75"),)),
        ReferralFilter((("polyclinic_id", "p"), ("programme_id", "x"))),
        ReferralFilter((), age=(0, None)),
        ReferralFilter((), age=(None, 12)),
        ReferralFilter((), submitted=(DAY, DAY), hour=3),
        ReferralFilter((), admitted=(None, DAY)),
        ReferralFilter((), overdue_at=datetime.now(UTC)),
        ReferralFilter((), actors=("polyclinic:p/nurse",)),
    ],
)
def test_lists_that_may_look_through_all_referrals_hold_nobody_up(long: ReferralFilter) -> None:
    assert long.by_index is False
