"""Live pages: each is told that something which it shows may have changed, and asks the APIs what, as its user."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from services.console.metrics import pages_live
from services.contracts.changes import Change
from services.contracts.vocabulary import Role

MayGoOn = Callable[[], Awaitable[bool]]
BEAT, CHANGED, LOST = b"data: beat\n\n", b"data: changed\n\n", b"data: lost\n\n"
"""That all is well, that something may have changed, and that the console itself is told nothing now."""
SPREAD = 3.0
"""Seconds over which all pages look anew after a break, so that they do not come at once."""
APART = 1.0
"""Seconds between two marks of one page."""
BEAT_EVERY = 10.0
"""Seconds; a page that hears nothing for twice as long says that the line is lost."""
KEPT = 50
"""Latest steps."""


@dataclass(frozen=True, slots=True)
class Interest:
    """What a page shows: of its user's organization (or of all, for operators) referrals, all or these; and places."""

    role: Role
    organization: str = ""
    referrals: frozenset[str] | None = frozenset()
    """None: all of the organization's."""
    places: bool = False

    def has(self, change: Change) -> bool:
        """Whether the user may know of this step, and shows it."""
        owner = {Role.POLYCLINIC: change.polyclinic_id, Role.CENTER: change.center_id}.get(self.role, self.organization)
        return owner == self.organization and (self.referrals is None or change.referral_id in self.referrals)

    def has_step(self, center_id: str | None) -> bool:
        """Whether the user sees places of this center as they change: operators, and the center itself."""
        return self.places and self.role is not Role.POLYCLINIC and self.organization in ("", center_id)


@dataclass(frozen=True, slots=True)
class Step:
    """A change of places, as the console heard of it: capacity's event without the referral, and when it came."""

    at: datetime
    kind: str
    data: Mapping[str, Any]


@dataclass(eq=False, slots=True)
class _Page:
    interest: Interest
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False


class Hub:
    """All open pages; `follow()` is one, `tell…()` marks those that an event is of."""

    def __init__(self, apart: float = APART, beat: float = BEAT_EVERY) -> None:
        self._apart, self._beat = apart, beat
        self._pages: dict[tuple[Role, str], set[_Page]] = {}
        self._away: set[str] = set()
        self.steps = deque[Step](maxlen=KEPT)
        """The latest first; for operators, who may see all."""

    @property
    def count(self) -> int:
        return sum(map(len, self._pages.values()))

    def tell_change(self, change: Change) -> None:
        owners = [(Role.POLYCLINIC, change.polyclinic_id), (Role.CENTER, change.center_id), *_OPERATORS]
        self._tell(owners, lambda interest: interest.has(change))

    def tell_step(self, center_id: str | None) -> None:
        """A place of this center was taken or came free, or a figure of its was set."""
        self._tell([(Role.CENTER, center_id), *_OPERATORS], lambda interest: interest.has_step(center_id))

    def remember(self, kind: str, data: Mapping[str, Any]) -> None:
        """A step to be shown to operators."""
        self.steps.appendleft(Step(datetime.now(UTC), kind, data))

    def tell_published(self) -> None:
        """Figures of others were published, for whoever sees those only (ADR 19)."""
        for page in self._all():
            if page.interest.places and (page.interest.role, page.interest.organization) not in _OPERATORS:
                page.changed.set()

    def lose(self, service: str) -> None:
        """The console's subscription to this service is broken; a page is told so if it still is at its next beat."""
        self._away.add(service)

    def regain(self, service: str) -> None:
        """It is there, or there again."""
        if service in self._away:
            self._away.remove(service)
            self.tell_all()

    def tell_all(self, spread: float = SPREAD) -> None:
        """Events may have been missed: every page looks anew, not all at once."""
        loop = asyncio.get_running_loop()
        for page in self._all():
            loop.call_later(random.uniform(0, spread), page.changed.set)  # noqa: S311  no secret

    def close(self) -> None:
        """End all, because the process stops."""
        for page in self._all():
            page.ended = True
            page.changed.set()

    async def follow(self, interest: Interest, may_go_on: MayGoOn) -> AsyncGenerator[bytes, None]:
        """The messages to one page, until `may_go_on`, which is asked at each sign of life, says no."""
        page = _Page(interest)
        owner = interest.role, interest.organization
        self._pages.setdefault(owner, set()).add(page)
        pages_live.inc()
        try:
            yield self._beat_now()
            asked = monotonic()
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._beat):
                        await page.changed.wait()
                if page.ended:
                    return
                if monotonic() - asked >= self._beat:
                    asked = monotonic()
                    if not await may_go_on():
                        return
                message = CHANGED if page.changed.is_set() else self._beat_now()
                page.changed.clear()
                yield message
                await asyncio.sleep(self._apart)
        finally:
            pages_live.dec()
            self._pages[owner].discard(page)
            if not self._pages[owner]:
                del self._pages[owner]

    def _beat_now(self) -> bytes:
        return LOST if self._away else BEAT

    def _tell(self, owners: Collection[tuple[Role, str | None]], wanted: Callable[[Interest], bool]) -> None:
        for role, organization in owners:
            for page in self._pages.get((role, organization or ""), ()):
                if wanted(page.interest):
                    page.changed.set()

    def _all(self) -> list[_Page]:
        return [page for pages in self._pages.values() for page in pages]


_OPERATORS = ((Role.OPERATOR, ""), (Role.ADMIN, ""))
