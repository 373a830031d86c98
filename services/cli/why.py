"""Why this center, or none: the candidates of a decision, and who was left out."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

_HEADS = {"unplaceable": "Why no center", "waiting": "Why no center yet"}
_TIE = "At the same distance the programme with more free places goes first."
_MEANINGS = {
    "suspended": "takes nobody now",
    "modality": "not asked for",
    "diagnosis": "not taken there",
    "age": "not of the age taken there",
    "catchment": "the home lies outside the area it serves",
    "distance": "farther than the family's limit",
    "declined": "a center said no before",
}
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
            "◀ chosen" if one.get("chosen") else "",
        )
        for place, one in enumerate(decision.get("candidates", []), 1)
    ]
    head = _HEADS.get(state, "Why this center")
    title = f"{head}: attempt {decision.get('attempt')}, decided {moment(decision.get('at'))}"
    title += "\nthe child waits in all these queues" if state == "waiting" else ""
    columns = ("#", "center", "programme", "km", "free then", "")
    nobody = [("", "no programme accepts such a child")]
    shown = table(title, columns, rows or nobody, _NUMBERS)
    return Group(shown, Text(_TIE, style="dim")) if _tied(decision.get("candidates", [])) else shown


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
