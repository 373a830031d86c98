"""Shadow prices: what one place more at a programme would have saved in the past weeks, learned anew each week."""

from collections.abc import Mapping, Sequence

from tests.quality.children import Child
from tests.quality.country import DAY, Country
from tests.quality.flow import Flow

WEEK = 7 * DAY
PAST_WEEKS = 4
MISSED = 1_000_000
"""A child who is not placed costs as much as 1,000 km; assumed."""


class LearnedPrices:
    """The dual prices of the best placing of the children of the past weeks in what the places could give in that time.

    `children` are all, also those who came in the weeks before the run, at minutes below 0.
    """

    def __init__(self, country: Country, children: Sequence[Child]) -> None:
        self._country, self._children = country, children
        self._by_week = dict[int, Mapping[str, int]]()

    def __call__(self, now: int) -> Mapping[str, int]:
        week = now // WEEK
        if week not in self._by_week:
            self._by_week[week] = self._learn(week * WEEK)
        return self._by_week[week]

    def _learn(self, end: int) -> dict[str, int]:
        span, stays = PAST_WEEKS * WEEK, self._country.stays
        past = [one for one in self._children if end - span <= one.arrived < end]
        courses = {name: round(many * span / stays[name]) for name, many in self._country.places.items()}
        groups, nowhere = {name: group for group, name in enumerate(courses)}, len(courses)
        flow = Flow([*courses.values(), len(past)])
        for one in past:
            flow.add((*((groups[name], meters) for name, meters in one.meters.items()), (nowhere, MISSED)))
        return dict(zip(courses, flow.prices, strict=False))
