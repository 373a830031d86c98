"""The hindsight optimum: the fewest kilometers with which these children could have been placed, had all been known.

The rules that any schedule keeps: a child is offered one place, at a moment at or after its arrival and before the end
T, by a programme that accepts it and does not decline it; a place that is given at s is used until s + S (S is the
programme's own) and not given again before; a place that is in use at the beginning is not given before it is free.

**The bound.** Slot k = 1, 2, ... of a place is the moment just before T - (k - 1) S, while that is after the place is
first free. A child may be in any slot after its arrival, at a programme that accepts and does not decline it, and costs
its meters there. The bound is the min-cost flow from children to slots, one child to a slot.

**It is a lower bound.** Take any schedule that keeps the rules. Of the children of one place the last is given it
before T, the one before that at least S earlier, so before T - S, and the k-th from the end before T - (k - 1) S. Put
that one into slot k: it is later than the moment at which the child was given the place, so it is after the child's
arrival and after the place was first free. No two children share a slot, and each costs what it costs in the schedule.
So every schedule is such a flow, and the least flow costs no more.

**It is attained**, by the schedule that gives each child its slot: the slots of a place are S apart. That schedule lets
children wait for months, leaves places free meanwhile and keeps no queue, so no policy can be expected to reach it.
That declined offers hold places too is left out, which makes the bound lower, never higher.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.quality.children import Child
from tests.quality.flow import Flow, Row


@dataclass
class Slots:
    """The slots of all places until `end`; those of a programme at one moment are a group of the flow.

    `free_from`: of each programme the minutes at which its places are free for the first time.
    """

    end: int
    stays: Mapping[str, int]
    free_from: Mapping[str, Sequence[int]]
    capacity: list[int] = field(default_factory=list)
    groups: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """Of each programme the moments of its slots, the last first, and their groups."""

    def __post_init__(self) -> None:
        for name, first in self.free_from.items():
            self.groups[name] = []
            for moment in range(self.end, 0, -self.stays[name]):
                if many := sum(minute < moment for minute in first):
                    self.groups[name].append((moment, len(self.capacity)))
                    self.capacity.append(many)

    def row(self, child: Child) -> Row:
        """The groups of the slots behind the child's arrival, where no center would decline it, and its meters."""
        return tuple(
            (group, meters)
            for name, meters in child.meters.items()
            if name not in child.declines
            for moment, group in self.groups[name]
            if child.arrived < moment
        )


def optimum(slots: Slots, children: Iterable[Child]) -> dict[int, int]:
    """The meters of each child by its number, least in total for those who are in.

    Those who come first in `children` are in first; who is left out cannot be placed beside these by any schedule.
    """
    flow, rows = Flow(slots.capacity), list[tuple[int, Row]]()
    for one in children:
        row = slots.row(one)
        if flow.add(row):
            rows.append((one.number, row))
    where = flow.where()
    return {number: dict(row)[where[row].pop()] for number, row in rows}
