"""Intake's public API: children, their diagnoses, notes and transfers. Each function is a route of docs/policy.md."""

from collections.abc import AsyncIterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx2

from services.console.upstream.client import Json, Page, Services
from services.contracts.purposes import Purpose


async def submit(services: Services, body: Json, key: str) -> Json:
    """Submit a child's diagnosis under an `Idempotency-Key`: sent again, it gets the first answer."""
    return await services.intake.post("/v1/diagnoses", body, {"Idempotency-Key": key})


async def check(services: Services, body: Json) -> Json:
    """What would be recorded: `submission` in its normal form, `priority` and `warnings`; nothing is."""
    return await services.intake.post("/v1/diagnoses?check=true", body)


async def diagnosis(services: Services, referral_id: str, purpose: Purpose | None = None) -> Json:
    """A diagnosis as it was submitted, with the child; the read is recorded, for the route's purpose without another.
    `version` is for a correction.
    """
    headers = {"Purpose-Of-Use": str(purpose)} if purpose else None
    return await services.intake.get(f"/v1/diagnoses/{referral_id}", headers)


async def family_code(services: Services, referral_id: str) -> str:
    """The code for the family's paper; Refusal 404 after the consent was withdrawn."""
    return str((await services.intake.get(f"/v1/diagnoses/{referral_id}/family-code"))["code"])


async def family(services: Services, code: str, birth_date: str) -> Json:
    """What a family is told; Refusal 404 for a wrong code and birth date, and 429."""
    return await services.intake.post("/v1/family", {"code": code, "birth_date": birth_date})


async def names(services: Services, referral_ids: Sequence[str]) -> dict[str, str]:
    """The children's names by referral, of a polyclinic's own; each is an entry of the audit log."""
    found = await services.intake.post("/v1/diagnoses/names", {"referral_ids": list(referral_ids)})
    return {one["referral_id"]: one["full_name"] for one in found["items"]}


async def look_up(services: Services, iin: str) -> Json:
    """The child with that IIN and its referrals that the asker may read; Refusal 404 when there is none."""
    return await services.intake.post("/v1/children/lookup", {"iin": iin})


async def withdraw_consent(services: Services, child_id: str) -> Json:
    return await services.intake.post(f"/v1/children/{child_id}/withdraw-consent")


async def write_note(services: Services, referral_id: str, text: str) -> str:
    """Seal own words; the id of the note is for a command."""
    return str((await services.intake.post(f"/v1/diagnoses/{referral_id}/notes", {"text": text}))["note_id"])


async def notes(services: Services, referral_id: str) -> list[Json]:
    return (await services.intake.page(f"/v1/diagnoses/{referral_id}/notes")).items


async def ask_for_transfer(services: Services, iin: str, full_name: str, birth_date: str) -> None:
    """Ask the polyclinic that has the child; the answer is the same whether there is such a child or not."""
    await services.intake.post("/v1/transfers", {"iin": iin, "full_name": full_name, "birth_date": birth_date})


async def transfers(
    services: Services,
    *,
    overdue: bool = False,
    to_decide: bool = False,
    cursor: str | None = None,
    limit: int | None = None,
) -> Page:
    """`total` counts all of them. `to_decide`: those that the user may decide, and nobody has."""
    wanted = {"overdue": overdue or None, "to_decide": to_decide or None}
    return await services.intake.page("/v1/transfers", **wanted, cursor=cursor, limit=limit)


async def decide_transfer(services: Services, transfer_id: str, *, accept: bool) -> Json:
    return await services.intake.post(f"/v1/transfers/{transfer_id}/{'accept' if accept else 'refuse'}")


async def audit_log(services: Services, **filters: Any) -> Page:
    """`about`, `cursor`, `limit`."""
    return await services.intake.page("/v1/audit-log", **filters)


def submit_bulk(
    services: Services, content: AsyncIterable[bytes], content_type: str, key: str
) -> AbstractAsyncContextManager[httpx2.Response]:
    """Send a file, and read a result a line as NDJSON: `async for line in answer.aiter_lines()`."""
    headers = {"Content-Type": content_type, "Idempotency-Key": key}
    return services.intake.stream("POST", "/v1/diagnoses/bulk", content=content, headers=headers, seconds=600)


async def check_audit_log(services: Services, after: int = 0) -> Json:
    """Whether the entries after this number are as they were written; `next` goes on."""
    return await services.intake.get("/v1/audit-log/verify", after=after)
