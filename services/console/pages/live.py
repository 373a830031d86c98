"""`/live`: server-sent events to an open page; each says that what it shows may have changed."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.console.sign_in.admission import console_of, session_of
from services.console.sign_in.user import SignedIn
from services.console.upstream.feed import Interest
from services.kit.http.streams import EventStream

router = APIRouter()
MOST = 100
"""Referrals that one page may name."""


@router.get("/live")
async def live(
    request: Request,
    user: SignedIn,
    referral: Annotated[list[UUID] | None, Query(max_length=MOST)] = None,
    worklist: bool = False,
    places: bool = False,
) -> Response:
    """For `data-live` of a page's part: `/live?referral=ID`, `/live?worklist=1` (any referral of the user's
    organization), `/live?places=1`, and their combinations. Ends with the session.
    """
    referrals = None if worklist else frozenset(str(one) for one in referral or ())
    interest = Interest(user.role, user.organization, referrals, places)

    async def may_go_on() -> bool:
        return await session_of(request) is not None

    return EventStream(console_of(request).hub.follow(interest, may_go_on))
