"""The links in the head of each page, by role."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.console.words.i18n import N_
from services.contracts.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Link:
    """Where it goes, and its English text, which the page translates."""

    href: str
    text: str

    def is_current(self, path: str) -> bool:
        """Whether the page of `path` is this link's or below it."""
        return path == self.href or (self.href != "/" and path.startswith(f"{self.href}/"))


_WORK = Link("/", N_("My work"))
_CAPACITY = Link("/capacity", N_("Free places"))
NAVIGATION: Mapping[str, tuple[Link, ...]] = {
    Role.POLYCLINIC: (
        _WORK,
        Link("/find-child", N_("Refer a child")),
        Link("/referrals", N_("Referrals")),
        Link("/upload", N_("Upload a list")),
        _CAPACITY,
    ),
    Role.CENTER: (
        _WORK,
        Link("/inbox", N_("Offers")),
        Link("/weeks", N_("Calendar")),
        Link("/places", N_("Our places")),
        _CAPACITY,
    ),
    Role.OPERATOR: (
        _WORK,
        Link("/map", N_("Map")),
        Link("/waiting", N_("Waiting")),
        Link("/escalated", N_("To decide")),
        Link("/trends", N_("Trends")),
        Link("/audit", N_("Audit")),
    ),
}
PUBLIC = (_CAPACITY, Link("/family", N_("For families")))
"""Of a visitor who is not signed in."""


def links(role: str | None) -> tuple[Link, ...]:
    return NAVIGATION.get(role or "", PUBLIC)
