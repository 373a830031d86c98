"""The policy table of docs/policy.md: for each route, what each role is answered about its own and about others'."""

from dataclasses import dataclass

from services.contracts.vocabulary import PROCESSES, Role
from services.kit.settings import CHECKOUT

PAGE = CHECKOUT / "docs" / "policy.md"
ROLES = (Role.POLYCLINIC, Role.CENTER, Role.OPERATOR, Role.ADMIN, *PROCESSES)
YES = "yes"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row. An answer is `yes`, or the status of the refusal; without own and foreign the two are the same."""

    service: str
    method: str
    path: str
    public: bool
    anybody: bool
    """Without a token."""
    own: dict[str, str]
    foreign: dict[str, str]

    @property
    def route(self) -> tuple[str, str, str]:
        return self.service, self.method, self.path

    @property
    def divided(self) -> bool:
        return self.own != self.foreign


def read_policy() -> list[Rule]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    rows = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]
    return [_rule(row) for row in rows if row[1] in ("GET", "POST", "PUT", "PATCH", "DELETE")]


def _rule(row: list[str]) -> Rule:
    service, method, path, port, *cells = row
    pairs = [cell.partition(" / ") for cell in cells]
    own = {role.value: one for role, (one, _, _) in zip(ROLES, pairs, strict=True)}
    foreign = {role.value: other or one for role, (one, _, other) in zip(ROLES, pairs, strict=True)}
    return Rule(service, method, path, port != "inside", port == "anybody", own, foreign)
