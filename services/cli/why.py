"""Why this center, or none: the candidates of a decision, and the excluded programmes."""

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from services.cli.render import listing, moment, spaced, table

_HEADS = {"unplaceable": "Why no center", "waiting": "Why no center yet"}
_TIE = "At the same distance the programme with more free places goes first."
_NOTES = {
    "stale": "stale: the center had not confirmed how many places it has for days.",
    "suspended": "suspended: the center gives no places for now; waiting children keep their queue positions.",
}
_MEANINGS = {
    "modality": "not asked for",
    "diagnosis": "not taken there",
    "age": "not of the age taken there",
    "catchment": "the home lies outside the area it serves",
    "distance": "farther than the family's limit",
    "declined": "a center said no before, or has not answered of late",
}


def candidates(decision: dict[str, Any], state: str) -> RenderableType:
    """The candidates in order, nearest first; `state` is the referral's."""
    found = decision.get("candidates", [])
    title = f"{_HEADS.get(state, 'Why this center')}: attempt {decision.get('attempt')}, "
    title += f"decided {moment(decision.get('at'))}"
    title += "\nthe child waits in all these queues" if state == "waiting" else ""
    notes = [_TIE] if _tied(found) else []
    notes += [note for mark, note in _NOTES.items() if any(one.get(mark) for one in found)]
    other = "other " if decision.get("excluded", {}).get("declined") else ""
    nobody = {"center_name": f"no {other}programme accepts such a child"}
    ranked = [one | {"place": place} for place, one in enumerate(found, 1)] or [nobody]
    columns = "#=place center programme=programme_id km=kilometers free_then=free _"
    shown = listing(title, ranked, columns, center=center_of, _=_remark)
    return Group(shown, *(Text(note, style="dim") for note in notes))


def center_of(one: dict[str, Any]) -> str:
    return str(one.get("center_name") or one["center_id"])


def _remark(one: dict[str, Any]) -> str:
    behind = f", taken as {one['behind_km']:g} km farther" if one.get("behind_km") else ""
    words = {"chosen": "◀ chosen", "suspended": "suspended", "stale": f"stale{behind}"}
    return " ".join(text for name, text in words.items() if one.get(name))


def _tied(found: list[dict[str, Any]]) -> bool:
    """Whether another candidate has the same distance as the chosen one."""
    chosen = [one["kilometers"] for one in found if one.get("chosen")]
    return bool(chosen) and sum(one["kilometers"] == chosen[0] for one in found) > 1


def left_out(excluded: dict[str, list[str]]) -> RenderableType:
    """The excluded programmes by reason, with the meaning of each reason that occurs."""
    rows = [
        (spaced(reason), len(ids), ", ".join(ids[:3]) + (" …" if len(ids) > 3 else ""))
        for reason, ids in sorted(excluded.items(), key=lambda item: -len(item[1]))
        if ids
    ]
    meanings = "; ".join(f"{one}: {text}" for one, text in _MEANINGS.items() if excluded.get(one))
    shown = table("Excluded, by the first reason", ("reason", "programmes", "which"), rows)
    return Group(shown, Text(meanings, style="dim")) if meanings else shown
