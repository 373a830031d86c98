"""By which role the holder of a token acts, how histories name it, and what it sees."""

from dataclasses import dataclass
from itertools import combinations

import pytest

from services.contracts.authority import OPERATORS, Visibility, acting_role, actor, actor_as_seen, operator
from services.contracts.vocabulary import Role

C, P, O, A, S = Role.CENTER, Role.POLYCLINIC, Role.OPERATOR, Role.ADMIN, Role.REFERRAL_WORKER
PRECEDENCE = (C, P, O, A, S)
IIN = "150101600019"


@dataclass(frozen=True)
class Person:
    """A holder with `roles`, in the name of organization `h1` unless said otherwise."""

    roles: frozenset[str]
    org: str = "h1"
    person: str = "nurse-7"
    subject: str = IIN


def holder(*roles: str, org: str = "h1", person: str = "nurse-7") -> Person:
    return Person(frozenset(roles), org, person)


@pytest.mark.parametrize("roles", [some for count in range(1, 6) for some in combinations(PRECEDENCE, count)])
def test_of_several_roles_the_nearest_to_the_child_acts(roles: tuple[Role, ...]) -> None:
    assert acting_role(holder(*roles), tuple(Role), center_id="h1", polyclinic_id="h1") is roles[0]


def test_only_a_role_that_is_allowed_and_held_acts() -> None:
    everyone = holder(*Role)
    for role in Role:
        assert acting_role(everyone, (role,), center_id="h1", polyclinic_id="h1") is role
        assert acting_role(holder(role), set(Role) - {role}, center_id="h1", polyclinic_id="h1") is None
    assert acting_role(everyone, (), center_id="h1", polyclinic_id="h1") is None
    assert acting_role(holder(), tuple(Role), center_id="h1", polyclinic_id="h1") is None
    assert acting_role(holder("director"), ("director",), center_id="h1") is None


@pytest.mark.parametrize(
    ("role", "owners", "acts"),
    [
        (C, {"center_id": "h1"}, True),
        (C, {"center_id": "h2"}, False),
        (C, {"polyclinic_id": "h1"}, False),
        (C, {"center_id": None, "polyclinic_id": "h1"}, False),
        (C, {}, False),
        (P, {"polyclinic_id": "h1"}, True),
        (P, {"polyclinic_id": "h2"}, False),
        (P, {"center_id": "h1"}, False),
        (P, {}, False),
        (O, {"center_id": "h2", "polyclinic_id": "h2"}, True),
        (O, {}, True),
        (A, {}, True),
        (S, {}, True),
    ],
)
def test_an_organizations_role_counts_for_its_own_only(role: Role, owners: dict[str, str | None], acts: bool) -> None:
    assert acting_role(holder(role), tuple(Role), **owners) is (role if acts else None)


@pytest.mark.parametrize("owner", ["", None])
def test_without_an_organization_no_role_of_one_acts_not_even_where_nobody_owns(owner: str | None) -> None:
    nobody = holder(C, P, org="")
    assert acting_role(nobody, (C, P), center_id=owner, polyclinic_id=owner) is None
    assert acting_role(holder(C, P, O, org=""), tuple(Role), center_id=owner, polyclinic_id=owner) is O


def test_a_hospital_acts_by_the_role_that_the_referral_concerns() -> None:
    hospital = holder(C, P)
    assert acting_role(hospital, (C, P), center_id="h1", polyclinic_id="p2") is C
    assert acting_role(hospital, (C, P), center_id="c2", polyclinic_id="h1") is P
    assert acting_role(hospital, (C, P), center_id="h1", polyclinic_id="h1") is C
    assert acting_role(hospital, (P,), center_id="h1", polyclinic_id="h1") is P
    assert acting_role(hospital, (C, P), center_id="c2", polyclinic_id="p2") is None


def test_a_role_that_is_not_its_own_gives_way_to_the_next() -> None:
    assert acting_role(holder(C, O), (C, O), center_id="c2") is O
    assert acting_role(holder(C, P, A), tuple(Role), center_id="c2", polyclinic_id="p2") is A


@pytest.mark.parametrize(("role", "name"), [(C, "center:h1/nurse-7"), (P, "polyclinic:h1/nurse-7")])
def test_an_organization_and_its_person_are_named_in_histories(role: Role, name: str) -> None:
    assert actor(holder(role), role) == name


@pytest.mark.parametrize("role", [O, A, S])
def test_whose_role_has_no_organization_is_named_by_the_person_alone(role: Role) -> None:
    assert actor(holder(role), role) == f"{role}:nurse-7" == actor(holder(role, org="x"), role)
    assert actor(holder(role, person=""), role) == role


def test_an_actor_has_a_greatest_length_that_leaves_the_person() -> None:
    assert actor(holder(C, org="o" * 500), C) == f"center:{'o' * 64}/nurse-7"
    assert len(actor(holder(P, org="o" * 500, person="p" * 500), P)) <= 120


@pytest.mark.parametrize(
    ("name", "own", "elsewhere"),
    [
        ("center:h1/nurse-7", "center:h1/nurse-7", "center:h1"),
        ("polyclinic:h1/nurse-7", "polyclinic:h1/nurse-7", "polyclinic:h1"),
        ("center:h1", "center:h1", "center:h1"),
        ("operator:oper-1", "operator", "operator"),
        ("router", "router", "router"),
    ],
)
def test_a_person_is_named_to_its_own_organization_and_operators_only(name: str, own: str, elsewhere: str) -> None:
    assert actor_as_seen(name, Visibility(polyclinic_id="h1", center_id="h1")) == own
    assert actor_as_seen(name, Visibility(polyclinic_id="h2", center_id="h2")) == elsewhere
    assert actor_as_seen(name, Visibility()) == elsewhere
    assert actor_as_seen(name, Visibility(everything=True)) == name


def test_an_operators_actor_names_the_role_of_an_operator_whatever_else_it_is() -> None:
    assert operator(holder(O)) == operator(holder(O, A, C, P)) == "operator:nurse-7"
    assert operator(holder(A)) == operator(holder(A, C)) == "admin:nurse-7"


@pytest.mark.parametrize("role", OPERATORS)
def test_who_oversees_the_network_sees_everything_whatever_else_it_is(role: Role) -> None:
    for seen in (Visibility.of(holder(role, org="")), Visibility.of(holder(role, C, P))):
        assert seen == Visibility(everything=True)
        assert seen.wholly("p2")


@pytest.mark.parametrize(
    ("roles", "seen"),
    [
        ((P,), Visibility(polyclinic_id="h1")),
        ((C,), Visibility(center_id="h1")),
        ((P, C), Visibility(polyclinic_id="h1", center_id="h1")),
        ((), Visibility()),
        ((S,), Visibility()),
        (("director",), Visibility()),
    ],
)
def test_an_organization_sees_its_own_and_a_hospital_both(roles: tuple[str, ...], seen: Visibility) -> None:
    assert Visibility.of(holder(*roles)) == seen
    assert not seen.everything


@pytest.mark.parametrize("roles", [(P,), (C,), (P, C)])
def test_without_an_organization_nothing_is_seen(roles: tuple[str, ...]) -> None:
    assert Visibility.of(holder(*roles, org="")) == Visibility()


@pytest.mark.parametrize(("roles", "wholly"), [((P,), True), ((P, C), True), ((C,), False), ((), False)])
def test_only_its_own_submission_is_seen_wholly(roles: tuple[str, ...], wholly: bool) -> None:
    seen = Visibility.of(holder(*roles))
    assert seen.wholly("h1") is wholly
    assert not seen.wholly("p2")
    assert not Visibility.of(holder(*roles, org="")).wholly("")
