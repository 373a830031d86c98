"""Ids in query parameters: one that does not exist is refused, for an empty list would say that there is nothing."""

from services.contracts.authority import Visibility
from services.contracts.near_matches import did_you_mean
from services.kit.http.problems import FieldError, Problem
from services.referral.adapters.sql_names import EVERYTHING
from services.referral.bootstrap import ReferralService

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
