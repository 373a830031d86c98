"""Query parameters of lists; an id that does not exist is refused: an empty list would say that there is nothing."""

from dataclasses import replace
from datetime import date
from typing import Annotated

from fastapi import Query

from services.contracts.authority import OPERATORS, Visibility, actor
from services.contracts.near_matches import did_you_mean
from services.contracts.short_numbers import read_short_number
from services.contracts.vocabulary import ReferralState, Role
from services.kit.http.auth import Principal
from services.kit.http.problems import FieldError, Problem
from services.kit.persons import Persons
from services.referral.adapters.sql_names import EVERYTHING
from services.referral.adapters.sql_views import ReferralFilter
from services.referral.bootstrap import ReferralService
from services.referral.entrypoints.field_types import Day, Word

AgeMonths = Annotated[int, Query(ge=0, le=1200)]
States = Annotated[
    str | None,
    Query(
        max_length=100,
        pattern=r"^[a-z_]+(,[a-z_]+)*$",
        description=f"Of {', '.join(ReferralState)}: one, or several with commas between",
    ),
]
Hour = Annotated[
    int | None, Query(ge=0, le=23, description="Of one day of `submitted_…` or `admitted_…`, this hour only")
]
Overdue = Annotated[bool, Query(description="Only those whose deadline is past, as `counts` counts them")]
Number = Annotated[
    str | None, Query(max_length=40, description="The short number on the paper, in whatever letters: № 1A2B3C")
]
Mine = Annotated[bool, Query(description="Only those that the person of the token submitted or acted on")]

_KIND = {
    "region": "region", "region_id": "region", "center_id": "center", "programme_id": "programme",
    "polyclinic_id": "polyclinic",
}  # fmt: skip
_MISSING = {"programme": "no open programme has this id", "polyclinic": "no referral that you may see is of this one"}


async def check_ids(service: ReferralService, visibility: Visibility = EVERYTHING, **given: str | None) -> None:
    """Raise Problem 422 for each of these parameters that names nothing, with near matches."""
    errors = []
    for parameter, id in given.items():
        if id is None or (parameter == "polyclinic_id" and id and id == visibility.polyclinic_id):
            continue
        known = await service.names.known_instead(parameter, id, visibility)
        if known is not None:
            kind = _KIND[parameter]
            if kind == "polyclinic" and not known:  # polyclinics are known by their referrals: there are none yet
                continue
            message = _MISSING.get(kind, f"there is no {kind} with this id") + did_you_mean(id, known)
            errors.append(FieldError(field=parameter, code=f"unknown_{kind}", message=message))
    if errors:
        detail = "; ".join(f"{one.field}: {one.message}" for one in errors)
        raise Problem(422, errors[0].code, detail, errors=errors)


def check_own(**given: tuple[str | None, str | None]) -> None:
    """Raise Problem 403 for a parameter whose first value is given and is not the second, the reader's own."""
    for parameter, (id, own) in given.items():
        if id is not None and id != own:
            only = f"only {own}, which is what the list has anyway" if own else "not for this list"
            raise Problem(403, "forbidden", f"{parameter}: {only}; operators may name any.")


def actors_of(service: ReferralService, reader: Principal, mine: bool) -> tuple[str, ...] | None:
    """Every name that histories have of the reader, older keys of pseudonyms too; None unless `mine` is asked for."""
    if not mine:
        return None
    names = Persons(service.settings.audit_keys).names(reader.subject)
    roles = [one for one in (Role.POLYCLINIC, Role.CENTER, *OPERATORS) if one in reader.roles]
    return tuple(actor(replace(reader, person=name), role) for name in names for role in roles)


def _states(status: str | None) -> tuple[ReferralState, ...]:
    """Raises Problem 422 for one that is no state."""
    try:
        return tuple(ReferralState(one) for one in status.split(",")) if status else ()
    except ValueError:
        error = FieldError(field="status", code="enum", message=f"must be of {', '.join(ReferralState)}")
        raise Problem(422, "validation_failed", f"status: {error.message}", errors=[error]) from None


def _check_hour(hour: int | None, *ranges: tuple[date | None, date | None]) -> None:
    """Raises Problem 422 for an hour without a day, or of several."""
    days = [one for one in ranges if one != (None, None)]
    if hour is not None and not (days and all(first == last for first, last in days)):
        raise Problem.of_field("hour", "not_of_one_day", "needs one day: the first one, and the same as the last")


def _short(number: str | None) -> str | None:
    """Raises Problem 422 for what is no short number."""
    found = None if number is None else read_short_number(number)
    if number is not None and found is None:
        raise Problem.of_field("number", "no_short_number", "must be six signs, 0 to 9 and A to F, as 1A2B3C")
    return found


async def referral_filter(
    status: States = None,
    center_id: Word | None = None,
    polyclinic_id: Word | None = None,
    programme_id: Word | None = None,
    region_id: Annotated[Word | None, Query(description="Where the child lives")] = None,
    age_from_months: AgeMonths | None = None,
    age_under_months: AgeMonths | None = None,
    submitted_from: Day | None = None,
    submitted_through: Day | None = None,
    admitted_from: Day | None = None,
    admitted_through: Day | None = None,
    hour: Hour = None,
    number: Number = None,
) -> ReferralFilter:
    """Of a list of referrals, from its query."""
    columns = {
        "center_id": center_id, "polyclinic_id": polyclinic_id, "programme_id": programme_id, "region_id": region_id,
        "number": _short(number),
    }  # fmt: skip
    _check_hour(hour, (submitted_from, submitted_through), (admitted_from, admitted_through))
    return ReferralFilter(
        tuple((name, value) for name, value in columns.items() if value is not None),
        states=_states(status),
        hour=hour,
        age=(age_from_months, age_under_months),
        submitted=(submitted_from, submitted_through),
        admitted=(admitted_from, admitted_through),
    )
