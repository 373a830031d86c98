"""One child at a center: the summary, then what may be done; what somebody did before is told kindly."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from services.console.pages.acting import is_own_repeat
from services.console.pages.center_inbox import next_offer
from services.console.pages.center_weeks import course_ends
from services.console.rendering import render, renderer_of, words_of
from services.console.rows import child_row, short_number
from services.console.sign_in.user import Center, User
from services.console.upstream import intake, referral
from services.console.upstream.client import Json, Refusal
from services.console.words.problems import by_field, sentence
from services.contracts.days import day_of
from services.contracts.purposes import Purpose
from services.contracts.vocabulary import OfferState, ReferralState
from services.contracts.working_days import KAZAKHSTAN

router = APIRouter()
ACTS: Mapping[str, tuple[str, str]] = {
    "accept": ("admit_on", ""), "admit": ("", ""), "discharge": ("outcome", "outcome"),
    "no-show": ("reason", "no_show"), "decline": ("reason", "decline"),
}  # fmt: skip
"""What a center does, in the order of the page, where `allowed_actions` names it: its field, and its codes' kind."""
DAYS_AHEAD, USUAL_DAYS = 365, 7
"""To the last day of admission that is taken, and to the first that is proposed."""
Values = Mapping[str, str]
"""A form as it was sent: `version` and `state` of the referral that its reader saw, and fields named `ACT-FIELD`."""


@router.get("/inbox/{referral_id}")
@router.get("/weeks/{referral_id}")
async def open_case(
    request: Request, referral_id: UUID, user: Center, done: str = "", last: UUID | None = None
) -> Response:
    """The child; a new offer is seen by it. `done` and `last` say what the reader did before, and with which child."""
    story = await referral.story(user.services, str(referral_id))
    new = bool(story["offers"]) and story["offers"][-1]["state"] == OfferState.MADE
    if new and "seen" in story["allowed_actions"] and "prefetch" not in request.headers.get("sec-purpose", ""):
        story = await referral.command(user.services, str(referral_id), "seen")
    return await _show(request, user, story, done=done, last=last)


@router.get("/inbox/{referral_id}/now")
@router.get("/weeks/{referral_id}/now")
async def show_state(request: Request, referral_id: UUID, user: Center, version: int) -> Response:
    """The part that moves by itself, of a page that shows `version`: it reads nothing personal."""
    story = await referral.story(user.services, str(referral_id))
    return render(request, "center/now.html", story=story, version=version, case=request.url.path.removesuffix("/now"))


@router.get("/inbox/{referral_id}/{act}")
@router.get("/weeks/{referral_id}/{act}")
async def lead_back(request: Request, referral_id: UUID, act: str, user: Center) -> Response:
    """A form's address, opened again: in another language, or from the browser's history."""
    if act not in ACTS:
        raise HTTPException(404)
    return RedirectResponse(_address(request, str(referral_id)), 303)


@router.post("/inbox/{referral_id}/{act}")
@router.post("/weeks/{referral_id}/{act}")
async def act(request: Request, referral_id: UUID, act: str, user: Center) -> Response:
    """Do it by the version that the reader saw, and open the next child."""
    if act not in ACTS:
        raise HTTPException(404)
    id, values = str(referral_id), {name: str(value) for name, value in (await request.form()).items()}
    try:
        errors = await _command(request, user, id, act, values)
    except Refusal as refusal:
        if not refusal.beaten:
            raise
        story, errors = await referral.story(user.services, id), {}
        given, comment = (values.get(f"{act}-{name}", "") for name in (ACTS[act][0], "text"))
        if not is_own_repeat(user, story, act, given, comment, _version(values)):
            return await _tell_who_was_first(request, user, story, act, values)
    if errors:
        story = await referral.story(user.services, id)
        return await _show(request, user, story, 422, values=values, errors=errors)
    if values.get("state") != ReferralState.OFFERED:
        return RedirectResponse(f"/weeks?done={act}&last={id}", 303)
    following = await next_offer(user)
    return RedirectResponse(f"/inbox{f'/{following}' if following else ''}?done={act}&last={id}", 303)


async def _command(request: Request, user: User, id: str, act: str, values: Values) -> dict[str, str]:
    """The errors by field; none when it is done. A comment is sealed first, for what will be taken."""
    words, (field, kind) = words_of(request), ACTS[act]
    code, text, version = values.get(f"{act}-{field}", ""), values.get(f"{act}-text", "").strip(), _version(values)
    if kind and code not in renderer_of(request).labels.names[kind]:
        return {f"{act}-{field}": sentence(words, f"unknown_{field}")}
    body: Json = {field: code} if field and code else {}
    try:
        if text:
            if (await referral.story(user.services, id))["version"] != version:
                raise Refusal(412, "version_moved")
            body["note_id"] = await intake.write_note(user.services, id, text)
        await referral.command(user.services, id, act, body, version)
    except Refusal as refusal:
        if refusal.status != 422:
            raise
        found = by_field(words, refusal.errors, (field, "text"))
        return {f"{act}-{name}" if name else "": told for name, told in found.items()}
    return {}


def _version(values: Values) -> int:
    given = values.get("version", "")
    if not given.isdecimal():
        raise HTTPException(400)
    return int(given)


async def _tell_who_was_first(request: Request, user: User, story: Json, act: str, values: Values) -> Response:
    """What happened meanwhile; where the child is as before (it was corrected), the form stays as it was sent."""
    if story["state"] == values.get("state") and act in story["allowed_actions"]:
        return await _show(request, user, story, 409, values=values)
    return await _show_ended(request, user, story, 409, since=_version(values))


async def _show_ended(request: Request, user: User, story: Json, status: int = 200, since: int = 0) -> Response:
    """What is left of a child whose center has no part in it any more, or was beaten (409)."""
    steps = [one for one in story["history"] if one["version"] > since]
    return render(
        request, "center/ended.html", status, story=story, steps_since=steps, beaten=status == 409,
        following=await next_offer(user), case=_address(request, story["id"]),
    )  # fmt: skip


async def _show(
    request: Request,
    user: User,
    story: Json,
    status: int = 200,
    *,
    values: Values | None = None,
    errors: Mapping[str, str] | None = None,
    done: str = "",
    last: UUID | None = None,
) -> Response:
    """The child with its data, or what is left of it for a center whose part has ended."""
    id, case = story["id"], _address(request, story["id"])
    if story["child_id"] is None or not any(one in story["allowed_actions"] for one in ACTS):
        return await _show_ended(request, user, story)
    record, notes = await asyncio.gather(
        intake.diagnosis(user.services, id, Purpose.TREATMENT), intake.notes(user.services, id)
    )
    today, labels = day_of(datetime.now(UTC)), renderer_of(request).labels
    acts = {one: list(labels.names.get(kind, ())) for one, (_, kind) in ACTS.items() if one in story["allowed_actions"]}
    proposed = {"accept-admit_on": usual_day(today).isoformat()}
    return render(
        request,
        "center/case.html",
        status,
        child=child_row(story, case, title=record["child"]["full_name"], due=None, note=short_number(str(story["id"]))),
        story=story,
        record=record,
        notes=notes,
        acts=acts,
        last_day=course_ends(story),
        values=proposed | dict(values or {}),
        errors=errors or {},
        first=today.isoformat(),
        final=(today + timedelta(days=DAYS_AHEAD)).isoformat(),
        case=case,
        done=done,
        last=last,
        moved=status == 409,
    )


def usual_day(today: date) -> date:
    """The day of admission that is proposed: a working one, after USUAL_DAYS or soon behind."""
    day = today + timedelta(days=USUAL_DAYS)
    while not KAZAKHSTAN.is_working(day):
        day += timedelta(days=1)
    return day


def _address(request: Request, id: str) -> str:
    """The case's page: of the inbox or of the calendar, as the reader came."""
    return f"/{request.url.path.split('/')[1]}/{id}"
