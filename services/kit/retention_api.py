"""`/v1/retention`: what is kept for how long, what is due, and sweeping it now."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from services.kit.audit import note
from services.kit.http.auth import Require
from services.kit.http.pages import read_cursor, write_cursor
from services.kit.http.routes import guarded_router
from services.kit.retention import Retention


class KeptAnswer(BaseModel):
    """`due` is what the next sweep deletes; of children some thousands are looked at."""

    what: str
    keep_days: int = Field(description="0: for ever")
    due: int
    swept: int = Field(description="In all, since there is retention")
    swept_at: datetime | None


class RetentionAnswer(BaseModel):
    items: list[KeptAnswer]


class SweepAnswer(BaseModel):
    """How much this step has swept, by kind; `next` is the cursor of the next step, or null at the end."""

    swept: dict[str, int]
    next: str | None


async def _the_retention(request: Request) -> Retention:
    """Async, because FastAPI runs plain functions in a thread."""
    found: Retention = request.app.state.retention
    return found


TheRetention = Annotated[Retention, Depends(_the_retention)]


def retention_router(readers: Sequence[str], sweepers: Sequence[str]) -> APIRouter:
    """The routes for holders of one of these roles, over the Retention in `app.state.retention`."""
    router = guarded_router("/v1/retention", tags=["retention"])

    @router.get("", dependencies=[Depends(Require(*readers))], summary="What is kept for how long, and what is due")
    async def read_retention(retention: TheRetention) -> RetentionAnswer:
        """What is deleted after which time, how much is due now, and how much was swept."""
        return RetentionAnswer(
            items=[
                KeptAnswer(
                    what=one.what, keep_days=one.keep.days if one.keep else 0, due=one.due, swept=one.swept,
                    swept_at=one.swept_at,
                )
                for one in await retention.status()
            ]
        )  # fmt: skip

    @router.post("/sweep", dependencies=[Depends(Require(*sweepers))], summary="Sweep what is due now, one step")
    async def sweep_now(
        retention: TheRetention, cursor: Annotated[str | None, Query(description="`next` of the step before")] = None
    ) -> SweepAnswer:
        """Delete a batch of what is due, which the service does by itself every hour: there is no way back.

        To be called with `next` until it is null.
        """
        step = await retention.sweep(read_cursor(cursor, tuple[UUID])[0] if cursor else None)
        note({"swept": dict(step.swept)})
        return SweepAnswer(swept=dict(step.swept), next=step.next and write_cursor(str(step.next)))

    return router
