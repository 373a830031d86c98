"""Ranking: nearest first, each programme a candidate or excluded, and the rank in queues."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.vocabulary import Catchment, Modality, Priority
from services.intake.domain.ages import age_in_months
from services.referral.domain.eligibility import Exclusion, exclusion
from services.referral.domain.network import Network
from services.referral.domain.programmes import Needs, Programme
from services.referral.domain.routing import Candidate, Decision, queue_rank
from services.referral.domain.staleness import WEEK, Staleness
from tests.unit.referral.samples import NOW, figure, needs, network, programme

PROGRAMMES = st.builds(
    programme,
    id=st.uuids().map(lambda one: f"p-{one.hex[:6]}"),
    modality=st.sampled_from(Modality),
    age_from_months=st.integers(0, 100),
    age_under_months=st.integers(40, 216),
    icd10_prefixes=st.sampled_from([("G80",), ("F84", "G80.1"), ("F",)]),
    catchment=st.sampled_from(Catchment),
    region_id=st.sampled_from(["KZ-10", "KZ-71"]),
    settlement_id=st.sampled_from(["home", "near", "far"]),
)
CHILDREN = st.builds(
    needs,
    age_months=st.integers(0, 215),
    modalities=st.frozensets(st.sampled_from(Modality), min_size=1),
    icd10=st.sampled_from(["G80.1", "F84.0", "G80"]),
    max_distance_km=st.none() | st.floats(1, 1000),
)
STALE = NOW - timedelta(days=7, milliseconds=1)
POLICY = Staleness(timedelta(days=7), 25.0)
COUNTRY = st.lists(PROGRAMMES, max_size=12, unique_by=lambda one: one.id)


def decide(
    child: Needs, offered: list[Programme], distances: list[int], excluded: set[str], suspended: Collection[str] = ()
) -> Decision:
    near = {one.center_id: float(distances[i % len(distances)]) for i, one in enumerate(offered)}
    figures = [figure(one.id, suspended=one.id in suspended) for one in offered]
    return network(offered, near, figures=figures).decide(child, NOW, excluded)


def plainly(child: Needs, country: Network, now: datetime, declined: Collection[str]) -> Decision:
    """The decision by asking each programme in turn whether it excludes the child."""
    accepting, excluded = list[Candidate](), defaultdict[Exclusion, list[str]](list)
    for id, one in sorted(country.programmes.items()):
        kilometers, figure = country.distance(child.settlement_id, id), country.figures.get(id)
        if reason := exclusion(child, child.age_at(now), one, kilometers, declined):
            excluded[reason].append(id)
            continue
        stale = country.staleness.is_stale(figure.confirmed_at if figure else None, now)
        behind = country.staleness.behind_km if stale else None
        accepting.append(Candidate(id, kilometers, None, behind, bool(figure and figure.suspended)))
    accepting.sort(key=lambda one: (one.ordered_at, one.programme_id))
    return Decision(tuple(accepting), {reason: tuple(ids) for reason, ids in excluded.items()})


def by_reason(decision: Decision) -> dict[Exclusion, list[str]]:
    return {reason: sorted(ids) for reason, ids in decision.excluded.items()}


@settings(max_examples=100)
@given(st.lists(CHILDREN, min_size=2, max_size=8), COUNTRY, st.sampled_from([WEEK, POLICY]), st.data())
def test_a_network_that_has_seen_such_children_decides_as_by_asking_each_programme(
    children: list[Needs], offered: list[Programme], policy: Staleness, data: st.DataObject
) -> None:
    ids = [one.id for one in offered]
    some = st.sets(st.sampled_from(ids)) if offered else st.just(set[str]())
    figures = [
        figure(id, suspended=data.draw(st.booleans()), confirmed_at=data.draw(st.sampled_from([NOW, STALE])))
        for id in data.draw(some)
    ]
    country = replace(network(offered, figures=figures), staleness=policy)
    declined = data.draw(some) | {f"center-{id}" for id in data.draw(some)}
    for child in children:
        now = NOW + timedelta(days=data.draw(st.integers(0, 60)))
        found, expected = country.decide(child, now, declined), plainly(child, country, now, declined)
        assert found.candidates == expected.candidates
        assert by_reason(found) == by_reason(expected), "each other programme with the first reason that applies"
        assert by_reason(found.among(found.candidates[:1])) == by_reason(expected), "also where not all are named"


@pytest.mark.parametrize("age", [59, 60, 61, 71, 72, 73])
def test_a_network_takes_a_child_on_either_side_of_a_birthday_for_what_it_is(age: int) -> None:
    five, later = programme("five", age_from_months=60, age_under_months=72), programme("later", age_from_months=72)
    country = network([five, later])
    for before in (59, 60, 71, 72):
        country.decide(needs(age_months=before), NOW)
    found = country.decide(needs(age_months=age), NOW)
    assert found.programme_ids == ({"five"} if 60 <= age < 72 else {"later"} if age >= 72 else set())


@settings(max_examples=50)
@given(CHILDREN, COUNTRY, st.lists(st.integers(0, 5), min_size=1, max_size=12), st.data())
def test_every_programme_is_a_candidate_or_excluded_for_its_reason(
    child: Needs, offered: list[Programme], distances: list[int], data: st.DataObject
) -> None:
    some = st.sets(st.sampled_from([one.id for one in offered])) if offered else st.just(set[str]())
    declined, suspended = data.draw(some), data.draw(some)
    decision = decide(child, offered, distances, declined, suspended)
    named = [one.programme_id for one in decision.candidates] + [p for ids in decision.excluded.values() for p in ids]
    assert sorted(named) == sorted(one.id for one in offered)
    by_id = {one.id: one for one in offered}
    assert all(one.suspended == (one.programme_id in suspended) for one in decision.candidates)
    kilometers = {one.id: float(distances[i % len(distances)]) for i, one in enumerate(offered)}
    for why, ids in decision.excluded.items():
        for one in ids:
            assert exclusion(child, child.age_months, by_id[one], kilometers[one], declined) is why


@settings(max_examples=50)
@given(CHILDREN, COUNTRY, st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_candidates_go_by_distance_then_id_and_one_distance_is_one_tier(
    child: Needs, offered: list[Programme], distances: list[int]
) -> None:
    decision = decide(child, offered, distances, set())
    order = [(one.kilometers, one.programme_id) for one in decision.candidates]
    assert order == sorted(order)
    tiers = decision.tiers()
    assert [one for tier in tiers for one in tier] == [one.programme_id for one in decision.candidates]
    assert len(tiers) == len({one.kilometers for one in decision.candidates})


def among(policy: Staleness, **kilometers: tuple[float, bool]) -> Decision:
    """Programmes by id with kilometers and whether each figure is stale."""
    near = {f"center-{id}": far for id, (far, _) in kilometers.items()}
    figures = [figure(id, confirmed_at=STALE if stale else NOW) for id, (_, stale) in kilometers.items()]
    country = network([programme(id) for id in kilometers], near, figures=figures)
    return replace(country, staleness=policy).decide(needs(), NOW)


def test_a_stale_programme_goes_behind_fresh_ones_within_the_policys_distance_and_keeps_its_kilometers() -> None:
    decision = among(POLICY, a=(1.0, True), b=(25.9, False), c=(26.0, False), d=(26.1, False), e=(0.5, True))
    shown = [(one.programme_id, one.kilometers, one.stale) for one in decision.candidates]
    assert shown == [("e", 0.5, True), ("b", 25.9, False), ("a", 1.0, True), ("c", 26.0, False), ("d", 26.1, False)]
    assert decision.tiers() == (("e",), ("b",), ("a", "c"), ("d",))


def test_a_sum_of_kilometers_ties_to_the_meter() -> None:
    for far in range(0, 3000, 7):
        kilometers = far / 1000
        beyond = round(kilometers + 25, 3)
        assert among(POLICY, a=(kilometers, True), b=(beyond, False)).tiers() == (("a", "b"),), kilometers


def test_without_the_policy_a_stale_programme_keeps_its_order_and_is_marked() -> None:
    decision = among(WEEK, a=(1.0, True), b=(1.0, False), c=(2.0, False))
    assert decision.tiers() == (("a", "b"), ("c",))
    assert [one.stale for one in decision.candidates] == [True, False, False]


@pytest.mark.parametrize(("age", "stale"), [(timedelta(days=7), False), (timedelta(days=7, milliseconds=1), True)])
def test_a_figure_is_stale_after_seven_days(age: timedelta, stale: bool) -> None:
    country = network([programme("a")], figures=[figure("a", confirmed_at=NOW - age)])
    assert country.decide(needs(), NOW).candidates[0].stale is stale
    assert WEEK.is_stale(NOW - age, NOW) is stale


@settings(max_examples=50)
@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.tuples(st.integers(0, 60), st.booleans())),
    st.sampled_from([0.0, 10.0, 25.0]),
)
def test_only_the_order_follows_from_the_policy(places: dict[str, tuple[int, bool]], behind: float) -> None:
    kilometers = {id: (float(far), stale) for id, (far, stale) in places.items()}
    decision = among(Staleness(behind_km=behind), **kilometers)
    order = sorted(places, key=lambda id: (places[id][0] + (behind if places[id][1] else 0), id))
    assert [one.programme_id for one in decision.candidates] == order
    assert {one.programme_id: one.kilometers for one in decision.candidates} == {
        id: float(far) for id, (far, _) in places.items()
    }
    assert {one.programme_id for one in decision.candidates if one.stale} == {id for id in places if places[id][1]}


def test_a_programme_without_a_figure_is_a_stale_candidate() -> None:
    decision = network([programme("a")], figures=[]).decide(needs(), NOW)
    assert [(one.programme_id, one.stale, one.suspended) for one in decision.candidates] == [("a", True, False)]


def test_no_candidate_is_a_decision_without_tiers() -> None:
    decision = network([programme("a")]).decide(needs(icd10="F20"), NOW)
    assert (decision.candidates, decision.excluded) == ((), {Exclusion.DIAGNOSIS: ("a",)})
    assert decision.tiers() == ()


@pytest.mark.parametrize(("priority", "days"), [(Priority.ROUTINE, 0), (Priority.HIGH, 60), (Priority.URGENT, 180)])
def test_the_rank_is_the_submission_less_a_head_start(priority: Priority, days: int) -> None:
    began = datetime(1970, 1, 1, tzinfo=UTC)
    expected = (NOW - timedelta(days=days) - began) // timedelta(milliseconds=1)
    assert queue_rank(needs(priority=priority)) == expected


def test_nobody_waits_for_ever_behind_the_urgent() -> None:
    patient = queue_rank(needs(submitted_at=NOW - timedelta(days=181)))
    assert patient < queue_rank(needs(priority=Priority.URGENT)) < queue_rank(needs())


@given(st.integers(1_600_000_000_000, 4_000_000_000_000))
def test_the_rank_is_exact_to_the_millisecond(milliseconds: int) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    assert queue_rank(needs(submitted_at=at)) == milliseconds


@pytest.mark.parametrize(
    ("submitted", "now", "months"),
    [
        (datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 28, tzinfo=UTC), 60),
        (datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC), 61),
        (datetime(2026, 1, 15, 9, tzinfo=UTC), datetime(2026, 2, 14, 18, tzinfo=UTC), 60),
        (datetime(2026, 1, 15, 9, tzinfo=UTC), datetime(2026, 2, 14, 19, tzinfo=UTC), 61),
        (datetime(2026, 1, 15, tzinfo=UTC), datetime(2028, 1, 15, tzinfo=UTC), 84),
        (datetime(2026, 1, 15, tzinfo=UTC), datetime(2025, 1, 15, tzinfo=UTC), 60),
        (datetime(2026, 2, 1, 3, tzinfo=timezone(timedelta(hours=5))), datetime(2026, 2, 28, 22, tzinfo=UTC), 61),
    ],
)
def test_a_child_grows_older_while_it_waits(submitted: datetime, now: datetime, months: int) -> None:
    assert needs(submitted_at=submitted).age_at(now) == months


@pytest.mark.parametrize(
    ("birth_day", "submitted", "now", "months"),
    [
        (29, "2026-11-28", "2026-11-28", 60),
        (29, "2026-11-28", "2026-11-29", 61),
        (28, "2026-11-28", "2026-12-27", 60),
        (28, "2026-11-28", "2026-12-28", 61),
        (31, "2026-11-28", "2026-11-30", 60),
        (31, "2026-11-28", "2026-12-01", 61),
        (31, "2026-11-28", "2026-12-31", 62),
        (1, "2026-11-28", "2026-12-01", 61),
        (27, "2026-11-28", "2026-12-26", 60),
        (27, "2026-11-28", "2026-12-27", 61),
        (29, "2027-01-30", "2027-02-28", 60),
        (29, "2027-01-30", "2027-03-01", 61),
        (29, "2028-01-30", "2028-02-29", 61),
    ],
)
def test_the_day_of_birth_counts(birth_day: int, submitted: str, now: str, months: int) -> None:
    at, then = (datetime.fromisoformat(f"{day}T12:00+05:00") for day in (submitted, now))
    assert needs(submitted_at=at, birth_day=birth_day).age_at(then) == months


@given(born=st.dates(date(2010, 1, 1), date(2026, 1, 1)), submitted=st.integers(0, 6000), later=st.integers(0, 2000))
def test_the_age_is_always_that_of_the_birth_date(born: date, submitted: int, later: int) -> None:
    """Intake's own rule, of which an event has the months at one day, and the day of the month."""
    at = born + timedelta(days=submitted)
    now = at + timedelta(days=later)
    noon, later_noon = (datetime.combine(day, time(7), UTC) for day in (at, now))
    child = needs(age_months=age_in_months(born, at), birth_day=born.day, submitted_at=noon)
    assert child.age_at(later_noon) == age_in_months(born, now)


def test_a_child_that_grew_too_old_is_left_out() -> None:
    country = network([programme("early", age_under_months=61)])
    later = NOW + timedelta(days=40)
    assert country.decide(needs(), NOW).candidates
    assert country.decide(needs(), later).excluded == {Exclusion.AGE: ("early",)}
