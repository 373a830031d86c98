"""The referral service's public API: referrals and what is done to them, worklists, centers, forecast, audit."""

from collections.abc import Mapping
from typing import Any

from services.console.upstream.client import Json, Page, Parameter, Services


async def referrals(services: Services, **filters: Parameter) -> Page:
    """`status` (several with commas), `overdue`, `center_id`, `polyclinic_id`, `number`, `mine`, `cursor`, `limit` …"""
    return await services.referral.page("/v1/referrals", **filters)


async def counts(services: Services, **filters: Parameter) -> dict[str, Json]:
    """By state `count` and `overdue`: a polyclinic's own referrals, or for an operator all; `mine`: the user's."""
    return {one["state"]: one for one in (await services.referral.read("/v1/referrals/counts", None, **filters)).json()}


async def story(services: Services, referral_id: str) -> Json:
    """The whole story of a referral: offers, history, decision; `allowed_actions` and `version` are for commands."""
    return await services.referral.get(f"/v1/referrals/{referral_id}")


async def command(
    services: Services, referral_id: str, action: str, body: Json | None = None, version: int | None = None
) -> Json:
    """Do what `allowed_actions` names. Refusal 409 `illegal_transition` or 412 `version_moved` after another's act."""
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    return await services.referral.post(f"/v1/referrals/{referral_id}/{action}", body or {}, headers)


async def worklist(services: Services, name: str, **filters: Parameter) -> Page:
    """`to-answer`, `to-admit`, `in-care`, `to-offer-again`, `escalated`; `total` counts all of it.

    Filters: `center_id`, `polyclinic_id`, `reason`, `mine`, `cursor`, `limit`.
    """
    return await services.referral.page(f"/v1/worklists/{name}", **filters)


async def escalated(services: Services) -> dict[str, int]:
    """By reason how many referrals need an operator."""
    found = (await services.referral.read("/v1/worklists/escalated/counts")).json()
    return {one["reason"]: one["count"] for one in found}


async def whole_worklist(services: Services, name: str, **filters: Parameter) -> list[Json]:
    return await services.referral.every(f"/v1/worklists/{name}", limit=500, **filters)


async def every_center(services: Services) -> list[Json]:
    return await services.referral.every("/v1/centers", limit=500)


async def center(services: Services, center_id: str) -> Json:
    return await services.referral.get(f"/v1/centers/{center_id}")


async def figure(services: Services, center_id: str, programme_id: str) -> Json:
    """A programme's places, and when they were confirmed; Refusal 404 `no_figure` when they never were."""
    return await services.referral.get(_places(center_id, programme_id))


async def set_places(
    services: Services,
    center_id: str,
    programme_id: str,
    places: int,
    suspended: bool | None,
    version: int | None = None,
) -> Json:
    """Set or confirm a figure. Refusal 412 after another's."""
    body: Json = {"places": places} | ({} if suspended is None else {"suspended": suspended})
    headers: Mapping[str, str] = {} if version is None else {"If-Match": f'"{version}"'}
    return await services.referral.put(_places(center_id, programme_id), body, headers)


def _places(center_id: str, programme_id: str) -> str:
    return f"/v1/centers/{center_id}/programmes/{programme_id}/places"


async def audit(services: Services) -> Json:
    """The record against capacity; takes seconds when something may be on its way."""
    return await services.referral.get("/v1/audit")


async def repair(services: Services) -> Json:
    return await services.referral.post("/v1/audit/repair")


async def dead_letters(services: Services, **filters: Parameter) -> Page:
    """`state`, `cursor`, `limit`."""
    return await services.referral.page("/v1/dead-letters", **filters)


async def dead_letter(services: Services, letter_id: str) -> Json:
    return await services.referral.get(f"/v1/dead-letters/{letter_id}")


async def retry_dead_letter(services: Services, letter_id: str) -> Json:
    return await services.referral.post(f"/v1/dead-letters/{letter_id}/retry")


async def discard_dead_letter(services: Services, letter_id: str, reason: str) -> Json:
    return await services.referral.post(f"/v1/dead-letters/{letter_id}/discard", {"reason": reason})


async def audit_log(services: Services, **filters: Any) -> Page:
    """`about`, `cursor`, `limit`."""
    return await services.referral.page("/v1/audit-log", **filters)


async def check_audit_log(services: Services, after: int = 0) -> Json:
    """Whether the entries after this number are as they were written; `next` goes on."""
    return await services.referral.get("/v1/audit-log/verify", after=after)


async def by_region(services: Services, status: str = "waiting") -> list[Json]:
    """Referrals in a state, counted by the child's `region_id` and age group."""
    found: list[Json] = (await services.referral.read("/v1/statistics/regions", status=status)).json()
    return found


async def by_day(services: Services, first: str, last: str) -> list[Json]:
    """Referrals `submitted` and children `admitted` on each `day`; 400 days at most."""
    found: list[Json] = (await services.referral.read("/v1/statistics/days", first=first, last=last)).json()
    return found


async def by_hour(services: Services, day: str) -> list[Json]:
    """The same for each `hour` of a day."""
    found: list[Json] = (await services.referral.read("/v1/statistics/hours", day=day)).json()
    return found
