"""Corrections: the same fields as in the form, of the child and guardian, or of the diagnosis and care."""

from collections.abc import Mapping
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from services.console.pages.polyclinic_referral import banner_of
from services.console.pages.polyclinic_submit import lists_of
from services.console.pages.submission_form import CARE, CHILD, Values, as_typed, body_of, read_form, values_of
from services.console.rendering import render, words_of
from services.console.sign_in.user import Polyclinic, User
from services.console.upstream.client import Json, Refusal
from services.console.words.i18n import N_
from services.console.words.problems import by_field

router = APIRouter()
PARTS = {"child": CHILD, "care": CARE}
_MOVED = N_("Somebody has corrected this meanwhile. What is there now is shown; type your correction again.")
_SHARED = N_("Other polyclinics have referrals of this child by its IIN. An operator can help.")
_TAKEN = N_("Another child has this IIN. If it is the same child, an operator can join the two.")
_REFUSED = {"shared_child": _SHARED, "iin_taken": _TAKEN}


@router.get("/referrals/{referral_id}/correct/{part}")
async def ask(request: Request, referral_id: UUID, part: str, user: Polyclinic) -> Response:
    return await _show(request, user, str(referral_id), part)


@router.post("/referrals/{referral_id}/correct/{part}")
async def correct(request: Request, referral_id: UUID, part: str, user: Polyclinic) -> Response:
    """Send what has been changed, by the version that the reader has seen."""
    id, names, form, lists = str(referral_id), _names(part), await request.form(), lists_of(request)
    values = read_form(form, lists)
    record, _ = await _read(user, id, part)
    before, after = (body_of(as_typed(one), names) for one in (values_of(record), lists.meant(values)))
    try:
        if patch := _changes(before, after):
            await user.services.intake.patch(_path(record, part), patch, {"If-Match": str(form.get("version"))})
    except Refusal as refusal:
        words = words_of(request)
        if refusal.status == 412:
            return await _show(request, user, id, part, errors={"": words.gettext(_MOVED)})
        if told := _REFUSED.get(refusal.code):
            errors = {"child.iin": words.gettext(told)}
        elif refusal.status == 422 and refusal.errors:
            errors = by_field(words, refusal.errors, names)
        else:
            raise
        return await _show(request, user, id, part, errors=errors, typed=values)
    return RedirectResponse(f"/referrals/{id}?came=corrected", 303)


async def _show(
    request: Request,
    user: User,
    referral_id: str,
    part: str,
    errors: Mapping[str, str] | None = None,
    typed: Values | None = None,
) -> Response:
    _names(part)
    record, version = await _read(user, referral_id, part)
    lists = lists_of(request)
    values = as_typed(typed or lists.named(values_of(record)))
    return render(
        request,
        "polyclinic/correct.html",
        422 if errors else 200,
        child=banner_of(record, {"id": referral_id}),
        part=part,
        version=version,
        values=values,
        errors=errors or {},
        near=lists.near(values, errors or {}),
    )


async def _read(user: User, referral_id: str, part: str) -> tuple[Json, str]:
    """The diagnosis with the child, and the ETag of the part."""
    answer = await user.services.intake.read(f"/v1/diagnoses/{referral_id}")
    record: Json = answer.json()
    if part == "child":
        answer = await user.services.intake.read(_path(record, part))
    return record, answer.headers["ETag"]


def _path(record: Mapping[str, str], part: str) -> str:
    return f"/v1/children/{record['child_id']}" if part == "child" else f"/v1/diagnoses/{record['referral_id']}"


def _names(part: str) -> tuple[str, ...]:
    if part not in PARTS:
        raise HTTPException(404)
    return PARTS[part]


def _changes(before: Json, after: Json) -> Json:
    """The merge patch: what is not named stays, and null removes."""
    patch: Json = {}
    for name, value in after.items():
        if isinstance(value, dict):
            if changed := _changes(before[name], value):
                patch[name] = changed
        elif value != before[name]:
            patch[name] = value or None
    return patch
