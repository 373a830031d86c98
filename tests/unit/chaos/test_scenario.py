"""Scenarios of `make chaos` depend on the seed alone, and have every kind of fault."""

from tests.chaos.scenario import CONNECTIONS, PARTS, SECOND, SECONDS, SERVICES, Kind, doubled, scenario

HUNDRED = [scenario(seed) for seed in range(1, 101)]


def test_the_same_seed_gives_the_same_scenario() -> None:
    assert HUNDRED == [scenario(seed) for seed in range(1, 101)]
    assert len({str(one) for one in HUNDRED}) == len(HUNDRED)


def test_a_seed_of_an_earlier_report_means_the_same_today() -> None:
    one = scenario(5)
    assert (one.children, one.opens_center, one.gentle) == (128, False, False)
    assert [str(fault) for fault in one.faults] == [
        "0.7s connection cut kafka 6s",
        "0.9s kill -9 capacity",
        "4.0s kill -9 referral-worker",
        "5.7s stop and start capacity-relay 5s",
    ]


def test_every_fault_occurs_within_a_hundred_seeds() -> None:
    faults = [fault for one in HUNDRED for fault in one.faults]
    assert {fault.kind for fault in faults} == set(Kind)
    assert {fault.target for fault in faults if fault.kind is Kind.KILL} == set(PARTS)
    assert {fault.target for fault in faults if fault.kind is Kind.CUT} == set(CONNECTIONS)


def test_faults_come_in_order_while_children_are_submitted() -> None:
    for one in HUNDRED:
        moments = [fault.at for fault in one.faults]
        assert 2 <= len(moments) <= 5
        assert moments == sorted(moments)
        assert 0 <= moments[0] <= moments[-1] < SECONDS
        assert 80 <= one.children <= 150


def test_a_gentle_run_only_stops_and_starts_parts() -> None:
    gentle = [one for one in HUNDRED if one.gentle]
    assert gentle
    assert {fault.kind for one in gentle for fault in one.faults} == {Kind.RESTART}


def test_of_two_processes_either_is_taken_away_and_each_second_one_within_seven_seeds() -> None:
    twice = [doubled(one) for one in HUNDRED]
    assert twice == [doubled(one) for one in HUNDRED]
    taken = [[fault.target for fault in one.faults if fault.target.endswith(SECOND)] for one in twice]
    for first in range(len(taken) - 7):
        assert {target for one in taken[first : first + 7] for target in one} == {one + SECOND for one in SERVICES}
    firsts = {fault.target for one in twice for fault in one.faults if fault.kind is Kind.KILL}
    assert firsts == {*PARTS, *(one + SECOND for one in SERVICES)}
    for one, before in zip(twice, HUNDRED, strict=True):
        assert len(one.faults) == len(before.faults) + 1
        assert not one.gentle or {fault.kind for fault in one.faults} == {Kind.RESTART}
