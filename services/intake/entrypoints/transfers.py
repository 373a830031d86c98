"""`/v1/transfers`: a child's open referral goes from one polyclinic to another."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Response
from pydantic import BaseModel, BeforeValidator, Field

from services.contracts.authority import OPERATORS, acting_role
from services.contracts.submissions import Name
from services.contracts.vocabulary import Role
from services.intake.domain.values.dates import day
from services.intake.entrypoints.access import TheIntake
from services.intake.entrypoints.openapi import TRANSFER_RESPONSES
from services.intake.entrypoints.records import Iin, Private, meant
from services.intake.handlers.transfer import DECIDERS, AlreadyDecided, Transfer, TransferState, Wanted
from services.kit.http.auth import Principal, Require
from services.kit.http.limits import Budget
from services.kit.http.pages import Page, read_cursor, write_cursor
from services.kit.http.problems import Problem
from services.kit.http.routes import guarded_router

router = guarded_router("/v1/transfers", tags=["transfers"], max_body_size=16 * 1024)
Asker = Annotated[Principal, Depends(Require(Role.POLYCLINIC, budget=Budget.LOOK_UPS))]
Decider = Annotated[Principal, Depends(Require(*DECIDERS))]


class WantedChild(Private, extra="forbid"):
    """The child as the asking polyclinic knows it. All three must be as its holder has them."""

    iin: Iin
    full_name: Name
    birth_date: Annotated[date, BeforeValidator(meant(day))] = Field(examples=["2020-06-15"])


class Asked(BaseModel):
    """The same answer, whether there is such a child or not."""

    detail: str = (
        "If a child with this IIN, name and birth date has an open referral at another polyclinic, it has been asked. "
        "GET /v1/transfers shows what became of it."
    )


class TransferAnswer(BaseModel):
    """A transfer as its reader may see it: the polyclinic that asks learns of the referral when it is its own."""

    transfer_id: UUID
    state: TransferState
    asked_at: str
    answer_by: str
    overdue: bool = Field(description="It is on the operators' worklist")
    to_polyclinic: str
    holder: str | None = None
    referral_id: UUID | None = None
    child_id: UUID | None = None
    decided_at: str | None = None

    @classmethod
    def of(cls, one: Transfer, reader: Principal, intake: Any) -> "TransferAnswer":
        whole = acting_role(reader, OPERATORS) or reader.org == one.holder or one.state is TransferState.ACCEPTED
        named = {"referral_id": one.referral_id, "child_id": one.child_id} if whole else {}
        return cls(
            transfer_id=one.transfer_id,
            state=one.state,
            asked_at=one.asked_at.isoformat(timespec="milliseconds"),
            answer_by=one.answer_by.isoformat(timespec="milliseconds"),
            overdue=one.overdue(intake.transferring.now()),
            to_polyclinic=one.to,
            holder=one.holder if whole else None,
            decided_at=one.decided_at and one.decided_at.isoformat(timespec="milliseconds"),
            **named,
        )


@router.post("", status_code=202, responses=TRANSFER_RESPONSES, summary="Ask for a child's open referral")
async def ask_for_transfer(wanted: WantedChild, asker: Asker, intake: TheIntake) -> Asked:
    """The polyclinic that has the referral answers within three working days; then operators decide.

    Each request is audited. It spends the budget of look-ups.
    """
    await intake.transferring.ask(asker, Wanted(wanted.iin, wanted.full_name, wanted.birth_date))
    return Asked()


@router.get("", responses=TRANSFER_RESPONSES, summary="Transfers")
async def list_transfers(
    reader: Decider,
    intake: TheIntake,
    response: Response,
    overdue: Annotated[bool, Query(description="The operators' worklist: not answered in time")] = False,
    to_decide: Annotated[bool, Query(description="Not decided yet, those that the reader may decide")] = False,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Page[TransferAnswer]:
    """A polyclinic's: those that it asked for, and those that it is asked for; all for operators. The oldest first.

    `X-Total-Count` counts the whole list.
    """
    after = read_cursor(cursor, tuple[UUID])[0] if cursor else None
    found, total = await intake.transferring.listed(
        reader, overdue=overdue, to_decide=to_decide, after=after, most=limit + 1
    )
    response.headers["X-Total-Count"] = str(total)
    more = write_cursor(str(found[limit - 1].transfer_id)) if len(found) > limit else None
    return Page(items=[TransferAnswer.of(one, reader, intake) for one in found[:limit]], next=more)


@router.post("/{transfer_id}/accept", responses=TRANSFER_RESPONSES, summary="Give the referral to who asks for it")
async def accept_transfer(transfer_id: UUID, decider: Decider, intake: TheIntake) -> TransferAnswer:
    """By the polyclinic that has it, or an operator. The referral keeps its turn, its offers and its place.

    The polyclinic that had it reads the child no longer. A referral that is closed by now is `over`.
    """
    return await _decide(transfer_id, decider, intake, accept=True)


@router.post("/{transfer_id}/refuse", responses=TRANSFER_RESPONSES, summary="Keep the referral")
async def refuse_transfer(transfer_id: UUID, decider: Decider, intake: TheIntake) -> TransferAnswer:
    """By the polyclinic that has it, or an operator."""
    return await _decide(transfer_id, decider, intake, accept=False)


async def _decide(transfer_id: UUID, decider: Principal, intake: TheIntake, *, accept: bool) -> TransferAnswer:
    try:
        decided = await intake.transferring.decide(decider, transfer_id, accept=accept)
    except AlreadyDecided as error:
        raise Problem(409, "already_decided", f"The transfer is {error.state}.", extra={"state": error.state}) from None
    if decided is None:
        raise Problem(404, "not_found", "transfer_id: there is none that you may decide")
    return TransferAnswer.of(decided, decider, intake)
