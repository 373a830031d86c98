"""An act on a referral by its polyclinic or an operator: the command with its sealed note, and the page that asks."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass

from fastapi import Request
from starlette.responses import Response

from services.console.rendering import render, renderer_of, words_of
from services.console.sign_in.user import User
from services.console.upstream import intake, referral
from services.console.upstream.client import Json, Refusal
from services.console.words.problems import by_field


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form."""

    reason: str = ""
    note: str = ""


EMPTY = Typed()


async def command(user: User, referral_id: str, action: str, typed: Typed, version: int | None) -> None:
    """Do it by the state that the reader has seen; an end without a reason is refused, and leaves no note."""
    ends = action == "cancel"
    body: Json = {"reason": typed.reason or None} if ends else {}
    if typed.note.strip() and (typed.reason or not ends):
        if version is not None and (await referral.story(user.services, referral_id))["version"] != version:
            raise Refusal(412, "version_moved")
        body["note_id"] = await intake.write_note(user.services, referral_id, typed.note)
    await referral.command(user.services, referral_id, action, body, version)


def show_act(
    request: Request, story: Json, child: Json, address: str, action: str, possible: Collection[str],
    refusal: Refusal | None, typed: Typed,
) -> Response:  # fmt: skip
    """The page of `action`, and why it was refused: 422, or somebody acted before."""
    errors = by_field(words_of(request), refusal.errors, ("reason", "note")) if refusal else {}
    return render(
        request, "polyclinic/action.html", refusal.status if refusal else 200, story=story,
        child=child | {"state": story["state"]}, address=address, action=action, possible=action in possible,
        reasons=list(renderer_of(request).labels.names["cancel"]), beaten=bool(refusal and refusal.beaten),
        errors=errors, values=asdict(typed),
    )  # fmt: skip


async def was_done(user: User, referral_id: str, refusal: Refusal, act: str, typed: Typed, version: int | None) -> bool:
    """Whether the act was refused only because the reader had sent the same form before."""
    if not refusal.beaten:
        return False
    story = await referral.story(user.services, referral_id)
    return is_own_repeat(user, story, act, typed.reason, typed.note, version)


def is_own_repeat(user: User, story: Json, act: str, given: str, comment: str, version: int | None) -> bool:
    """Whether the step after the state that the reader has seen is this very act by the reader: a form sent twice.

    `given` is the reason, the outcome or the agreed day; without it the referral service chooses.
    """
    step = next((one for one in story["history"] if one["version"] == (version or 0) + 1), None)
    if step is None or step["command"] != act.replace("-", "_"):
        return False
    done = str((story["admit_on"] if act == "accept" else step["reason"]) or "")
    same = given in ("", done) and bool(comment.strip()) == bool(step["note_id"])
    return bool(same and step["actor"].replace(":", "/").rpartition("/")[2] == user.subject)


def possible_acts(story: Mapping[str, Collection[str]], acts: Collection[str]) -> list[str]:
    """Those of `acts`, in their order, that may be done now."""
    return [one for one in acts if one in story["allowed_actions"]]
