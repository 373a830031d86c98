"""The family's page, without a sign-in: the code on the paper and the birth date show how far the referral is."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from services.console.pages.why import earliest_first
from services.console.rendering import language_of, name_in, render, words_of
from services.console.sign_in.admission import services_for_anybody
from services.console.upstream import intake
from services.console.upstream.client import Json, Refusal
from services.console.words.i18n import N_
from services.contracts.vocabulary import Language

router = APIRouter()
Text = Annotated[str, Form(max_length=60)]
UNKNOWN = N_("We know no referral with this code and date of birth. Compare both with your paper.")
TOO_MANY = N_("There were too many tries. Wait a while, and then try again: by one code twenty times a day.")


@router.get("/family")
async def show_form(request: Request) -> Response:
    return _form(request)


@router.post("/family")
async def show_referral(
    request: Request, code: Text = "", day: Text = "", month: Text = "", year: Text = ""
) -> Response:
    """What the family is told; the form again when a field is empty, or nothing is known."""
    given = {"code": code, "day": day, "month": month, "year": year}
    born, words = birth_date(day, month, year), words_of(request)
    errors = {"code": "" if code.strip() else N_("Enter the code that stands on the paper")} | {
        "day": "" if born else N_("Enter the child's date of birth, such as 15 6 2020")
    }
    if wrong := {name: words.gettext(text) for name, text in errors.items() if text}:
        return _form(request, given, wrong, 422)
    try:
        told = await intake.family(services_for_anybody(request), code, str(born))
    except Refusal as refusal:
        text = {404: UNKNOWN, 422: UNKNOWN, 429: TOO_MANY}.get(refusal.status)
        if text is None:
            raise
        return _form(request, given, {"code": words.gettext(text)}, 422 if text is UNKNOWN else 429)
    return render(request, "family/told.html", told=told, queues=queues_of(told, language_of(request)))


def birth_date(day: str, month: str, year: str) -> date | None:
    """The day that was typed in three fields; None when there is none such."""
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def queues_of(told: Json, language: Language) -> list[Json]:
    return earliest_first([one | {"name": name_in(language, one["center"])} for one in told["queues"]])


def _form(
    request: Request, given: dict[str, str] | None = None, errors: dict[str, str] | None = None, status: int = 200
) -> Response:
    return render(request, "family/form.html", status, given=given or {}, errors=errors or {})
