"""Whoever has several roles or organizations chooses one after the sign-in, and may choose another later."""

from starlette.requests import Request
from starlette.responses import Response

from services.console.bootstrap import Console
from services.console.rendering import language_of, render
from services.console.sign_in.provided import names_of, role_and_organization
from services.console.sign_in.sessions import Session


async def show(request: Request, console: Console, session: Session, back: str, *, missing: bool = False) -> Response:
    """The page; `missing` says that nothing was chosen."""
    language = language_of(request)
    offered = []
    for choice in session.choices:
        found = role_and_organization(choice)
        if found:
            names = await names_of(console, session, choice)
            offered.append({"value": choice, "role": found[0], "name": names.get(language) or found[1]})
    chosen = session.acting_as
    return render(
        request, "sign_in/choose.html", 422 if missing else 200, choices=offered, chosen=chosen, back=back,
        missing=missing,
    )  # fmt: skip
