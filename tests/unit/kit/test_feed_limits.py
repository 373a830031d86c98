"""How many feeds one holder of tokens, one organization, and all together may follow."""

from collections.abc import Callable

import pytest

from services.kit.http.auth import Principal
from services.kit.http.feed_limits import FeedLimits
from services.kit.http.problems import Problem


def test_feeds_are_counted_by_holder_organization_and_in_all() -> None:
    limits = FeedLimits(per_token=2, per_organization=3, in_all=4)

    def enter(holder: str, org: str) -> Callable[[], None]:
        return limits.enter(Principal(holder, frozenset(), org))

    leave = [enter("ann", "c1"), enter("ann", "c1")]
    with pytest.raises(Problem, match="this token"):
        enter("ann", "c1")
    leave.append(enter("bob", "c1"))
    with pytest.raises(Problem, match="this organization"):
        enter("carol", "c1")
    leave.append(enter("dan", ""))
    with pytest.raises(Problem, match="this service"):
        enter("eve", "")
    for one in leave:
        one()
    assert limits.open == 0
    assert not limits._open
