"""Why this center, or none: the candidates of a decision, and who was left out."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

_HEADS = {"unplaceable": "Why no center", "waiting": "Why no center yet"}
_TIE = "At the same distance the programme with more free places goes first."
_SUSPENDED = "suspended: the center gives no places for now; who waits for it keeps its turn."
_STALE = "stale: the center had not confirmed how many places it has for days."
_MEANINGS = {
    "modality": "not asked for",
    "diagnosis": "not taken there",
    "age": "not of the age taken there",
    "catchment": "the home lies outside the area it serves",
    "distance": "farther than the family's limit",
    "declined": "a center said no before",
}
_NOBODY = {False: "no programme accepts such a child", True: "no other programme accepts such a child"}
"""By whether a center said no before."""
_NUMBERS = ("#", "km", "free then", "programmes")


def candidates(decision: dict[str, Any], state: str) -> "RenderableType":
    """The candidates in order; `state` is the referral's: it says whether any of them has the child."""
    from rich.console import Group
    from rich.text import Text

    from services.cli.render import kilometers, moment, table

    rows = [
        (
            place,
            one.get("center_name") or one["center_id"],
            one["programme_id"],
            kilometers(one.get("kilometers")),
            one.get("free"),
            _remark(one),
        )
        for place, one in enumerate(decision.get("candidates", []), 1)
    ]
    head = _HEADS.get(state, "Why this center")
    title = f"{head}: attempt {decision.get('attempt')}, decided {moment(decision.get('at'))}"
    title += "\nthe child waits in all these queues" if state == "waiting" else ""
    columns = ("#", "center", "programme", "km", "free then", "")
    nobody = [("", _NOBODY[bool(decision.get("excluded", {}).get("declined"))])]
    shown = table(title, columns, rows or nobody, _NUMBERS)
    notes = [_TIE] if _tied(decision.get("candidates", [])) else []
    if any(one.get("stale") for one in decision.get("candidates", [])):
        notes.append(_STALE)
    if any(one.get("suspended") for one in decision.get("candidates", [])):
        notes.append(_SUSPENDED)
    return Group(shown, *(Text(note, style="dim") for note in notes))


def _remark(one: dict[str, Any]) -> str:
    behind = f", taken as {one['behind_km']:g} km farther" if one.get("behind_km") else ""
    stale, suspended = f"stale{behind}" if one.get("stale") else "", "suspended" if one.get("suspended") else ""
    words = ("◀ chosen" if one.get("chosen") else "", suspended, stale)
    return " ".join(filter(None, words))


def _tied(found: list[dict[str, Any]]) -> bool:
    """Whether another candidate is exactly as near as the chosen one."""
    chosen = [one["kilometers"] for one in found if one.get("chosen")]
    return bool(chosen) and sum(one["kilometers"] == chosen[0] for one in found) > 1


def left_out(excluded: dict[str, list[str]]) -> "RenderableType":
    """Who was left out by reason, and what each reason that appears means."""
    from rich.console import Group
    from rich.text import Text

    from services.cli.render import table

    rows = [
        (reason.replace("_", " "), len(ids), ", ".join(ids[:3]) + (" …" if len(ids) > 3 else ""))
        for reason, ids in sorted(excluded.items(), key=lambda item: -len(item[1]))
        if ids
    ]
    meanings = "; ".join(f"{one}: {text}" for one, text in _MEANINGS.items() if excluded.get(one))
    shown = table("Left out, by the first reason met", ("reason", "programmes", "which"), rows, _NUMBERS)
    return Group(shown, Text(meanings, style="dim")) if meanings else shown
