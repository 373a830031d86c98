"""How many feeds one holder of tokens, one organization, and all together may follow."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from services.kit.http.auth import Principal
from services.kit.http.problems import Problem
from services.kit.settings import ServiceSettings


@dataclass
class FeedLimits:
    """Counts the open feeds of this process. All tokens of one holder count together."""

    per_token: int = 10
    per_organization: int = 50
    in_all: int = 500
    _open: Counter[tuple[str, str]] = field(default_factory=Counter)

    @classmethod
    def of(cls, settings: ServiceSettings) -> "FeedLimits":
        return cls(settings.feeds_per_token, settings.feeds_per_organization, settings.feeds)

    def enter(self, who: Principal) -> Callable[[], None]:
        """Count one more; what is returned ends it. Raises Problem 429, which says whose limit was reached."""
        counted = [(("all", ""), self.in_all, "this service"), (("holder", who.subject), self.per_token, "this token")]
        if who.org:
            counted.append((("organization", who.org), self.per_organization, "this organization"))
        for key, most, whose in counted:
            if self._open[key] >= most:
                detail = f"{most} feeds are open, and {whose} may have no more."
                raise Problem(429, "too_many_feeds", detail, headers={"Retry-After": "10"})
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
