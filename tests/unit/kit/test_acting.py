"""A token of several roles and organizations: a request acts in one of them, and in no other."""

from typing import Any

import pytest

from services.kit.http.acting import acting, acts_as_of, choices
from services.kit.http.auth import Principal
from services.kit.http.problems import Problem

SEVERAL = Principal("u1", frozenset(), "", acts_as=("polyclinic/p1", "center/c1", "operator"))
PLAIN = Principal("u1", frozenset({"polyclinic", "center"}), "h1")


def refused(principal: Principal, wanted: str | None) -> tuple[int, str]:
    with pytest.raises(Problem) as problem:
        acting(principal, wanted)
    return problem.value.status, problem.value.code


@pytest.mark.parametrize(
    ("wanted", "role", "org"), [("polyclinic/p1", "polyclinic", "p1"), ("operator", "operator", "")]
)
def test_what_is_chosen_is_all_that_the_request_has(wanted: str, role: str, org: str) -> None:
    found = acting(SEVERAL, wanted)
    assert (found.roles, found.org) == (frozenset({role}), org)


@pytest.mark.parametrize("wanted", ["center/p1", "polyclinic/c1", "admin", "operator/", "polyclinic", ""])
def test_no_role_is_had_for_an_organization_of_another_role(wanted: str) -> None:
    assert refused(SEVERAL, wanted) == (403, "not_acting_as")


def test_several_are_not_guessed_and_a_single_one_need_not_be_chosen() -> None:
    assert refused(SEVERAL, None) == (403, "acting_as_needed")
    single = acting(Principal("u1", frozenset(), "", acts_as=("center/c1",)), None)
    assert (single.roles, single.org) == (frozenset({"center"}), "c1")


def test_a_token_of_several_roles_in_one_organization_has_all_of_them_or_the_chosen_one() -> None:
    assert acting(PLAIN, None) == PLAIN
    assert choices(PLAIN) == ("center/h1", "polyclinic/h1")
    assert acting(PLAIN, "center/h1").roles == {"center"}
    assert refused(PLAIN, "center/c1") == (403, "not_acting_as")


@pytest.mark.parametrize("claim", [[], "center/c1", [1], ["x" * 200], ["center/c\n1"], ["center/c1"] * 101, {}])
def test_a_claim_that_is_no_list_of_short_texts_is_refused(claim: Any) -> None:
    with pytest.raises(Problem) as problem:
        acts_as_of({"acts_as": claim})
    assert problem.value.status == 401


def test_a_token_without_the_claim_has_none() -> None:
    assert acts_as_of({}) == acts_as_of({"acts_as": None}) == ()
