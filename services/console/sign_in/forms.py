"""Posts of our own pages only: where the browser says they come from, and a token that each form carries."""

from time import time
from urllib.parse import urlsplit

from starlette.requests import Request

from services.console.sign_in.sealing import Seal

FIELD = "form_token"
NOBODY = ""
"""The owner of forms that are shown to whoever is not signed in."""
VALID = 12 * 3600
"""Seconds for which a form may stay open."""
SAFE = frozenset({"GET", "HEAD"})


class ForeignPost(Exception):
    """A post that no form of ours to this user has sent; nothing was done."""


def form_token(seal: Seal, owner: str) -> str:
    """The hidden field of all forms shown to `owner` now. It says whose they are, to us only."""
    made, whose = f"{time():.0f}", seal.mark("owner", owner)
    return f"{made}.{whose}.{seal.mark('form', made, whose)}"


def owner_mark(seal: Seal, token: str) -> str:
    """The mark of the owner to whom a form was shown; raises ForeignPost for a token that is not ours, or is old."""
    made, _, rest = token.partition(".")
    whose, _, proof = rest.partition(".")
    if not seal.is_mark(proof, "form", made, whose) or time() - int(made) > VALID:
        raise ForeignPost
    return whose


def check_origin(request: Request) -> None:
    """Raise ForeignPost unless the browser says that the request comes from a page of ours."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        if site != "same-origin":
            raise ForeignPost
    elif origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise ForeignPost
