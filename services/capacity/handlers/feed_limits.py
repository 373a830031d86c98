"""How many feeds one holder of tokens, one organization, and all together may follow."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field


class TooManyFeeds(Exception):
    """No further feed now; the message says whose limit was reached."""


@dataclass
class FeedLimits:
    """Counts the open feeds of this process. All tokens of one holder count together."""

    per_token: int = 10
    per_organization: int = 50
    in_all: int = 500
    _open: Counter[tuple[str, str]] = field(default_factory=Counter)

    def enter(self, holder: str, organization: str) -> Callable[[], None]:
        """Count one more; what is returned ends it. Raises TooManyFeeds."""
        counted = [(("all", ""), self.in_all, "this service"), (("holder", holder), self.per_token, "this token")]
        if organization:
            counted.append((("organization", organization), self.per_organization, "this organization"))
        for key, most, whose in counted:
            if self._open[key] >= most:
                raise TooManyFeeds(f"{most} feeds are open, and {whose} may have no more.")
        keys = [key for key, _, _ in counted]
        self._open.update(keys)

        def leave() -> None:
            self._open.subtract(keys)
            for key in keys:
                if self._open[key] <= 0:
                    del self._open[key]

        return leave

    @property
    def open(self) -> int:
        return self._open["all", ""]
