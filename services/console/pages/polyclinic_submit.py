"""A submission: one form in groups, a review of what was understood, and the sending."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from services.console.pages.submission_form import (
    CONSENT_TEXT,
    DATES,
    FIELDS,
    Lists,
    Values,
    as_typed,
    body_of,
    read_form,
    values_of,
)
from services.console.rendering import language_of, render, words_of
from services.console.sign_in.admission import console_of
from services.console.sign_in.user import Polyclinic, User
from services.console.upstream import intake
from services.console.upstream.client import Json, Refusal, Unavailable
from services.console.words.i18n import N_
from services.console.words.problems import by_field, sentence

router = APIRouter()
_NOT_SENT = N_("It was not sent: the network does not answer at this moment. What you typed is kept. Send it again.")
_ELSEWHERE = N_("This child has an open referral at another polyclinic. Ask for its transfer.")


def draft_owner(request: Request, user: User) -> str:
    """The mark by which a browser keeps one person's draft from another's; a subject may be an IIN."""
    return console_of(request).seal.mark("draft", user.subject, user.organization)


def lists_of(request: Request) -> Lists:
    return Lists.of(console_of(request).settings.data, language_of(request))


def shown(request: Request, values: Values) -> Values:
    """The values for reading: names instead of codes, and dates in words where they are dates."""
    words, named = words_of(request), lists_of(request).named(values)
    for name in DATES:
        with suppress(ValueError):  # as it was typed
            named[name] = words.day(named[name])
    return named


@router.get("/refer")
async def begin(request: Request, user: Polyclinic) -> Response:
    return await show_form(request, user, dict.fromkeys(FIELDS, ""))


@router.post("/refer")
async def go_on(request: Request, user: Polyclinic) -> Response:
    """Review, change or send what was typed, by the button."""
    form = await request.form()
    lists, step = lists_of(request), form.get("step")
    values, key = read_form(form, lists), str(form.get("key") or uuid4())
    if step == "edit":
        return await show_form(request, user, values, key=key, posted=True)
    body = body_of(lists.meant(values))
    try:
        if step != "send":
            return _show_review(request, values, key, await intake.check(user.services, body))
        sent = await _send(user, body | _not_duplicate(form), key)
    except Refusal as refusal:
        if refusal.status == 422 and refusal.errors:
            errors = by_field(words_of(request), refusal.errors, FIELDS)
            return await show_form(request, user, values, key=key, posted=True, errors=errors)
        if found := refusal.more.get("referral_id"):
            return RedirectResponse(f"/referrals/{found}?came=found", 303)
        if refusal.code not in ("open_referral_exists", "possible_duplicate") and not isinstance(refusal, Unavailable):
            raise
        return _show_review(request, values, key, await _understood(user, body, refusal), refusal)
    return RedirectResponse(f"/referrals/{sent['referral_id']}?came=sent", 303)


async def _understood(user: User, body: Json, refusal: Refusal) -> Json:
    """What intake has understood of what it refused to record; while it does not answer, what was typed."""
    if not isinstance(refusal, Unavailable):
        with suppress(Refusal):
            return await intake.check(user.services, body)
    return {"submission": body, "warnings": []}


async def _send(user: User, body: Json, key: str) -> Json:
    """The receipt. What was sent before and changed since gets a key of its own: intake knows the open referral."""
    try:
        return await intake.submit(user.services, body, key)
    except Refusal as refusal:
        if refusal.code != "idempotency_key_reused":
            raise
        return await intake.submit(user.services, body, str(uuid4()))


async def show_form(
    request: Request,
    user: User,
    values: Values,
    *,
    key: str = "",
    posted: bool = False,
    errors: Mapping[str, str] | None = None,
    earlier: Sequence[Json] = (),
) -> Response:
    """The form. `posted`: what is in it was typed just now, and no draft of the browser may replace it."""
    lists = lists_of(request)
    return render(
        request,
        "polyclinic/refer.html",
        422 if errors else 200,
        values=lists.named(as_typed(values)),
        errors=errors or {},
        near=lists.near(values, errors or {}),
        key=key or str(uuid4()),
        posted=posted,
        earlier=earlier,
        consent_text=CONSENT_TEXT,
        draft_owner=draft_owner(request, user),
    )


def _show_review(
    request: Request, values: Values, key: str, checked: Mapping[str, Any], refusal: Refusal | None = None
) -> Response:
    """What intake has understood, with its warnings; or why it was not taken, with what may be done."""
    words = words_of(request)
    problem = ""
    if isinstance(refusal, Unavailable):
        problem = words.gettext(_NOT_SENT)
    elif refusal and refusal.code == "open_referral_exists":
        problem = words.gettext(_ELSEWHERE)
    return render(
        request,
        "polyclinic/review.html",
        refusal.status if refusal else 200,
        typed=values,
        values=shown(request, values_of(checked["submission"])),
        priority=checked.get("priority"),
        warnings=[sentence(words, one["code"]) for one in checked["warnings"]],
        key=key,
        problem=problem,
        elsewhere=bool(refusal) and problem == words.gettext(_ELSEWHERE),
        duplicates=refusal.more.get("referral_ids", []) if refusal and refusal.code == "possible_duplicate" else None,
    )


def _not_duplicate(form: FormData) -> Json:
    """That it is another child than those of the referrals that were named."""
    told = form.get("not_duplicate_of")
    return {} if told is None else {"not_duplicate_of": [one for one in str(told).split(";") if one]}
