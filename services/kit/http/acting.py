"""As whom the holder of a token acts: one role, for one organization, of those that the token has."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from services.kit.http.problems import Problem
from services.kit.http.token_claims import LONGEST_ORGANIZATION, MOST_ROLES, unauthorized

if TYPE_CHECKING:
    from services.kit.http.auth import Principal

HEADER = "Acting-As"
"""`role/organization`, or a role that has none."""
CLAIM = "acts_as"
ORGANIZATIONS = frozenset({"polyclinic", "center"})
"""The roles that act for an organization, and are nothing without one."""
_LONGEST = LONGEST_ORGANIZATION + 40


def acts_as_of(claims: Mapping[str, object]) -> tuple[str, ...]:
    """None without the claim; raises Problem 401 for what is no list of short texts."""
    given = claims.get(CLAIM)
    if given is None:
        return ()
    texts = given if isinstance(given, list) and 0 < len(given) <= MOST_ROLES else [None]
    found = tuple(one for one in texts if isinstance(one, str) and 0 < len(one) <= _LONGEST and one.isprintable())
    if len(found) != len(texts):
        raise unauthorized(f"The token's {CLAIM} must be a list of 1 to {MOST_ROLES} texts such as center/ID.")
    return found


def choices(principal: "Principal") -> tuple[str, ...]:
    """Everything as which the holder may act, as the header names it."""
    if principal.acts_as:
        return principal.acts_as
    named = (f"{role}/{principal.org}" if role in ORGANIZATIONS else role for role in sorted(principal.roles))
    return tuple(named)


def acting(principal: "Principal", wanted: str | None) -> "Principal":
    """The principal in what it chose, and nothing else; without a choice in all roles of a token without the claim.

    Raises Problem 403 for a choice that the token does not have, and where one is needed.
    """
    if wanted is None:
        if len(principal.acts_as) > 1:
            text = f"The token has several roles: choose one by the header {HEADER}: {', '.join(principal.acts_as)}."
            raise Problem(403, "acting_as_needed", text)
        if not principal.acts_as:
            return principal
        wanted = principal.acts_as[0]
    elif wanted not in choices(principal):
        raise Problem(403, "not_acting_as", f"The token does not let its holder act as {wanted[:_LONGEST]}.")
    role, _, org = wanted.partition("/")
    return replace(principal, roles=frozenset({role}), org=org)
