"""The page of the referral's life: `python -m tests.unit.referral.life_page > docs/life.md`."""

import sys
from itertools import groupby

from services.contracts.vocabulary import CLOSED
from services.referral.domain.life import TRANSITIONS, Command, Transition, owner

_HEAD = """# The referral's life

Made from the one table in `services/referral/domain/life.py`, which the API and the worker obey; a test compares.

"""
_FOOT = """
- *who*: the roles of a token; a center acts on what it has, a polyclinic on its own referrals, an operator and an
  admin on all. `router` and `steward` are the worker's own: the router finds places, the steward keeps deadlines.
- *offer*: what becomes of the current offer. *place*: what the worker does at capacity when it sees the event.
- The API's commands are `POST /v1/referrals/{id}/…` with `_` written as `-`; the others cannot be asked for.
- Open states have an owner: {owners}.
- *expire*: three working days after the offer, one when urgent; *remind*: at half of them. Waiting, reviews,
  admission and discharge have calendar days.
- After *expire* the center is passed over for 14 days (`JOLDAMA_PASS_OVER_DAYS`), or until it gives *accept* or
  *decline* to any referral, or until *offer_again*; after *decline* the programme, or by some reasons the whole
  center, for ever.
- *review*: on the day on which the child grows a month older, when a center is passed over no longer, and when a
  center's entry has changed; only if other programmes accept the child by then. After *correct*: of who waits if
  others accept the child, of an offer if its programme does not, and of who is with the router, whose claim under way
  is void by it.
"""
_ENDS = (Command.CANCEL, Command.WITHDRAW, Command.JOIN)


def page() -> str:
    """The page: a diagram, and the table."""
    owned = dict.fromkeys(one.state for one in TRANSITIONS)
    owners = ", ".join(f"{state} {owner(state, '<id>')}".replace("<id>", "ID") for state in owned)
    return _HEAD + _diagram() + "\n" + _table() + _FOOT.replace("{owners}", owners)


def _diagram() -> str:
    """Transitions to another state; the ends that every open state has are drawn once."""
    lines = ["```mermaid", "stateDiagram-v2", "  [*] --> submitted"]
    moves = [one for one in TRANSITIONS if one.to is not one.state and one.command not in _ENDS]
    for (state, to), rows in groupby(sorted(moves, key=_ends), key=_ends):
        lines.append(f"  {state} --> {to}: {', '.join(one.command for one in rows)}")
    lines += [f"  {state} --> [*]" for state in sorted(CLOSED)]
    lines += ['  state "any open state" as open', f"  open --> cancelled: {', '.join(_ENDS)}"]
    return "\n".join([*lines, "```", ""])


def _ends(one: Transition) -> tuple[str, str]:
    return one.state.value, one.to.value


def _table() -> str:
    rows = ["| state | command | who | to | event | offer | place |", "|---|---|---|---|---|---|---|"]
    for one in TRANSITIONS:
        who, event = ", ".join(sorted(one.who)), f"`{one.event.TYPE}`"
        cells = one.state, one.command, who, one.to, event, one.offer or "", one.claim or ""
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def main() -> None:
    sys.stdout.write(page())


if __name__ == "__main__":
    main()
