"""The queues of a waiting child: position, estimated date, and how the date was computed."""

from collections import Counter
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from services.cli.render import listing, moment, spaced

NAMED = 3
"""The number of next free dates in a sentence."""
_MISSING = {
    "capacity_unreachable": "capacity does not answer",
    "rebuilding": "capacity is being rebuilt from the record",
    "not_queued": "a place is just being handed over",
}


def opened(found: dict[str, Any]) -> RenderableType | None:
    """The queues of programmes that opened while the child waited; None without one."""
    later = [one for one in found.get("queues", []) if one["reason"] == "opened"]
    columns, since = "center=center_name programme=programme_id since", lambda one: moment(one["since"])
    return listing("Opened while the child waited", later, columns, since=since) if later else None


def queues(found: dict[str, Any]) -> RenderableType | None:
    """The queues with their estimated dates, or why these are not known; None for a child that does not wait."""
    if why := found.get("forecast_missing"):
        return Text(f"The queue positions are not known now: {_MISSING.get(why, why)}.")
    forecast = found.get("forecast")
    if not forecast:
        return None
    on = forecast["estimated_on"]
    shown = listing(
        f"Queues: a place about {on}" if on else "Queues: no estimated date",
        forecast["queues"],
        "center=center_name programme=programme_id position in_use estimated",
        position=lambda one: f"{one['position']} of {one['length']}",
        in_use=lambda one: f"{one['in_use']} of {one['places']}",
        estimated=lambda one: one["estimated_on"] or spaced(one["reason"]),
    )
    return Group(shown, Text(how(forecast), style="dim"))


def how(forecast: dict[str, Any]) -> str:
    """How the earliest date was computed, or why no queue has one, in words."""
    every = forecast["queues"]
    earliest = next((one for one in every if one["programme_id"] == forecast["programme_id"]), None)
    if earliest is None:
        reasons = ", ".join(f"{spaced(one)}: {number}" for one, number in Counter(q["reason"] for q in every).items())
        return f"None of the {len(every)} queues has a date ({reasons})."
    where = f"At {earliest['center_name']} ({earliest['programme_id']}), the earliest of {len(every)} queues: "
    return (
        f"{where if len(every) > 1 else ''}Number {earliest['position']} of {earliest['length']} in the queue; "
        f"{earliest['in_use']} of {earliest['places']} places are in use; {_next_free(earliest)}"
        f"{_stay(forecast, earliest) if earliest['position'] > 1 else ''}. "
        "Sooner when those in front leave, later when more urgent children come or courses last longer."
    )


def _stay(forecast: dict[str, Any], queue: dict[str, Any]) -> str:
    answer, come, course = forecast["answer_days"], forecast["admit_days"], queue["course_days"]
    parts = f"{answer} to answer, {come} to come, {course} of course"
    return f", and each child in front keeps one for {answer + come + course} days ({parts})"


def _next_free(queue: dict[str, Any]) -> str:
    """The next days on which places come free, of those in the next 60 days, which the API names."""
    days = queue["next_free"]
    if queue["free"]:
        return f"{queue['free']} {'is' if queue['free'] == 1 else 'are'} free now"
    if not days:
        return "none comes free in the next 60 days"
    named = [f"{one['on']} ({one['places']})" if one["places"] > 1 else one["on"] for one in days[:NAMED]]
    more = " …" if len(days) > NAMED else ""
    return f"the next {'comes' if sum(one['places'] for one in days) == 1 else 'come'} free on {', '.join(named)}{more}"
