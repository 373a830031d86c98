"""`/v1/diagnoses/{referral_id}/notes`: own words of who acts on a referral."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends
from pydantic import BaseModel, Field, StringConstraints

from services.contracts.authority import Visibility, actor_as_seen
from services.intake.entrypoints.access import Reader, TheIntake
from services.intake.entrypoints.openapi import HIDDEN, refusal
from services.intake.entrypoints.records import Private
from services.intake.handlers.notes import MOST, WRITERS, Note, TooManyNotes
from services.kit.audit import note
from services.kit.http.auth import Principal, Require
from services.kit.http.free_text import NO_NUL
from services.kit.http.pages import Page
from services.kit.http.problems import Problem
from services.kit.http.routes import guarded_router

router = guarded_router("/v1/diagnoses/{referral_id}/notes", tags=["personal data"], max_body_size=16 * 1024)
Writer = Annotated[Principal, Depends(Require(*WRITERS))]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True, pattern=NO_NUL)]


class NewNote(Private, extra="forbid"):
    """Own words; names are sealed with them."""

    text: Text


class NoteReceipt(BaseModel):
    """The `note_id` goes with the command at the referral service, which knows nothing else of the note."""

    note_id: UUID
    written_at: str


class NoteAnswer(Private):
    """A note as its reader may see it."""

    note_id: UUID
    author: str = Field(description="role:organization/person; of other organizations without the person")
    written_at: str
    text: str

    @classmethod
    def of(cls, one: Note, reader: Principal) -> "NoteAnswer":
        author = actor_as_seen(one.author, Visibility.of(reader))
        return cls(note_id=one.note_id, author=author, written_at=_iso(one), text=one.text)


def _iso(one: Note) -> str:
    return one.written_at.isoformat(timespec="milliseconds")


@router.post(
    "",
    status_code=201,
    summary="Write a note",
    responses=HIDDEN | {409: refusal(f"`too_many_notes`: the referral has {MOST}")},
)
async def write_note(referral_id: UUID, new: NewNote, writer: Writer, intake: TheIntake) -> NoteReceipt:
    """Seal a note by the child's key, for a command that names it as `note_id`.

    By its polyclinic, the center that holds an open offer now, or an operator.
    """
    try:
        written = await intake.noting.write(writer, referral_id, new.text)
    except TooManyNotes:
        raise Problem(409, "too_many_notes", f"The referral has {MOST} notes, and takes no more.") from None
    if written is None:
        raise Problem(404, "not_found", "referral_id: there is none that you may write of")
    return NoteReceipt(note_id=written.note_id, written_at=_iso(written))


@router.get("", responses=HIDDEN, summary="The notes of a referral")
async def read_notes(referral_id: UUID, reader: Reader, intake: TheIntake) -> Page[NoteAnswer]:
    """For its polyclinic all; for the center with an open offer its own, the polyclinic's and operators'.

    A center that has it no longer reads its own; no center reads another's. The read is audited.
    """
    read = await intake.noting.read(reader, referral_id)
    if read is None:
        raise Problem(404, "not_found", "referral_id: there is none of which you may read notes")
    note({"count": len(read)})
    return Page(items=[NoteAnswer.of(one, reader) for one in read])
