"""Who is signed in: the dependencies `SignedIn` and `Require` of pages."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from services.console.upstream.client import Services
from services.console.words.labels import Names
from services.contracts.authority import OPERATORS
from services.contracts.vocabulary import Language, Role


@dataclass(frozen=True, slots=True)
class User:
    """The person before the page. `organization` is the polyclinic's or the center's id, empty for operators."""

    subject: str
    role: Role
    organization: str
    names: Names
    """Of the organization, by language."""
    language: Language
    services: Services = field(repr=False)
    """The services' APIs with this user's token."""
    may_switch: bool = False
    """Whether the user has other roles or organizations to choose."""

    @property
    def org_name(self) -> str:
        """The organization's name in the reader's language."""
        return self.name_in(self.language)

    def name_in(self, language: Language) -> str:
        """The organization's name, or its id where it has none."""
        return self.names.get(language) or self.organization


class NotSignedIn(Exception):
    """The page needs somebody who is signed in; its answer leads to the sign-in and back."""


class WrongRole(Exception):
    """The page is for other roles."""


async def signed_in(request: Request) -> User:
    """Raises NotSignedIn."""
    user: User | None = getattr(request.state, "user", None)
    if user is None:
        raise NotSignedIn
    return user


class Require:
    """A dependency: the user, when it has one of `roles`."""

    def __init__(self, *roles: Role) -> None:
        self._roles = roles

    async def __call__(self, request: Request) -> User:
        """Raises NotSignedIn and WrongRole."""
        user = await signed_in(request)
        if user.role not in self._roles:
            raise WrongRole
        return user


SignedIn = Annotated[User, Depends(signed_in)]
Polyclinic = Annotated[User, Depends(Require(Role.POLYCLINIC))]
Center = Annotated[User, Depends(Require(Role.CENTER))]
Operator = Annotated[User, Depends(Require(*OPERATORS))]
