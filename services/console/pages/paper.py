"""The referral on one page of paper for the family: where, when, whom to call, and the code of its page."""

import asyncio
from uuid import UUID

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from services.console.drawing.qr import qr_code
from services.console.pages.polyclinic_referral import story_or_new
from services.console.pages.why import queues_of
from services.console.rendering import render, renderer_of
from services.console.rows import short_number
from services.console.sign_in.admission import console_of
from services.console.sign_in.user import Polyclinic
from services.console.upstream import intake, referral
from services.contracts.access import MAY_READ
from services.contracts.vocabulary import Language

router = APIRouter()
PRINTED = (Language.KAZAKH, Language.RUSSIAN)


@router.get("/referrals/{referral_id}/paper")
async def show_paper(request: Request, referral_id: UUID, user: Polyclinic, language: str = "") -> Response:
    """In Kazakh or Russian: as asked for, else in the consent's language, else in the reader's.

    Printed are the child's name and the code, but not the birth date: whoever finds the paper does not open the page.
    """
    id = str(referral_id)
    record, story, code = await asyncio.gather(
        intake.diagnosis(user.services, id), story_or_new(user, id), intake.family_code(user.services, id)
    )
    chosen = printed_in(language, (record["consent"] or {}).get("language"), user.language)
    centers = {one["id"]: one for one in await referral.every_center(user.services)}
    center = centers.get(story["center_id"]) if story["state"] in MAY_READ else None
    renderer, address = renderer_of(request), family_address(request)
    sheet = renderer.environments[chosen].get_template("family/sheet.html").render(
        story=story, child=record["child"]["full_name"], number=short_number(id), code=code,
        submitted_at=record["submitted_at"], center=center, queues=queues_of(story, centers, chosen),
        polyclinic=user.name_in(chosen), address=address,
        qr=qr_code(f"{address}#{code}", renderer.words[chosen].gettext("The address of the family's page")),
    )  # fmt: skip
    return render(
        request, "family/paper.html", sheet=Markup(sheet), chosen=chosen, printed=PRINTED,  # noqa: S704 of our template
        back=f"/referrals/{id}", code=code,
    )  # fmt: skip


def printed_in(*wishes: str | None) -> Language:
    """The first wish that is printed, else Russian."""
    return next((Language(one) for one in wishes if one in PRINTED), Language.RUSSIAN)


def family_address(request: Request) -> str:
    """Of the family's page, as browsers know the console."""
    console = console_of(request).settings.console_url or str(request.base_url)
    return f"{console.rstrip('/')}/family"
