"""A country with children in every state, and the pages that there are, with the addresses filled in."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx2

from services.cli.token import LOCAL_POLYCLINIC
from services.cli.up import demo
from services.console.words.labels import read_labels
from services.contracts.vocabulary import Language
from services.kit.settings import CHECKOUT
from tests.pages.waiting import children, make_wait
from tests.support.children import submissions
from tests.support.network import RunningNetwork
from tests.support.servers import wait_until

CHILDREN = 150
DONE = {
    "seen": ("seen",), "accepted": ("accept",), "admitted": ("accept", "admit"), "declined": ("decline",),
    "no_show": ("accept", "no-show"), "completed": ("accept", "admit", "discharge"), "cancelled": ("cancel",),
}  # fmt: skip
"""What is done to one child each, by what it is called afterwards."""
OWN = {"own_accepted": ("accept",), "own_admitted": ("accept", "admit"), "own_declined": ("decline",)}
"""The same at the scene's `center`."""
_BODIES: dict[str, Any] = {
    "decline": {"reason": "no_capacity"}, "no-show": {"reason": "family_did_not_come"},
    "discharge": {"outcome": "improved"}, "cancel": {"reason": "moved_away"},
}  # fmt: skip


MADE_UP = ("Үлгі Бала", "Үлгі Ана")
"""A child and a guardian of whom tests make more."""


@dataclass
class Scene:
    """`referrals` has one referral's id for each of DONE, and for `offered`, `waiting` and `unplaceable`.

    `center` has offers to answer; `centers` names each referral's center.
    """

    network: RunningNetwork
    referrals: dict[str, str] = field(default_factory=dict)
    centers: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    """Of people, centers, towns and diagnoses, which no catalog has; the longest first."""

    @property
    def console(self) -> str:
        return self.network.url("console")

    @property
    def center(self) -> str:
        return self.centers["offered"]

    @property
    def programme(self) -> str:
        """Of the center."""
        return str(self.ask("referral", "GET", f"/v1/centers/{self.center}", "operator")["programmes"][0]["id"])

    def organization(self, role: str) -> str:
        return {"polyclinic": LOCAL_POLYCLINIC, "center": self.center}.get(role, "")

    def ask(self, service: str, method: str, path: str, role: str, org: str = "", **more: Any) -> Any:
        """A call of a service's public API; the answer's JSON."""
        url, headers = self.network.url(service) + path, self.network.headers(role, org)
        answer = httpx2.request(method, url, headers=headers, timeout=20, **more).raise_for_status()
        return answer.json() if answer.content else {}

    def center_of(self, referral_id: str) -> str:
        """The center that has it now; empty while there is none, and before the worker has read of it."""
        try:
            return self.ask("referral", "GET", f"/v1/referrals/{referral_id}", "operator")["center_id"] or ""
        except httpx2.HTTPStatusError as error:
            if error.response.status_code != HTTPStatus.NOT_FOUND:
                raise
            return ""

    def of_state(self, state: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask(
            "referral", "GET", f"/v1/referrals?status={state}&limit=100", "operator"
        )["items"]
        return found


def make_scene(network: RunningNetwork) -> Scene:
    """Load the country, submit children, and bring one into each state."""
    network.load_country()
    scene = Scene(network)
    demo.submit_children(network.plan, CHILDREN)
    scene.names = sorted({*_centers(scene), *_people(), *_codes(), *MADE_UP}, key=len, reverse=True)
    wait_until(lambda: not scene.of_state("submitted") and _routed(scene), "every child is routed", seconds=60)
    make_wait(scene)
    offered = scene.of_state("offered")
    busiest = max({one["center_id"] for one in offered}, key=[one["center_id"] for one in offered].count)
    offered.sort(key=lambda one: one["center_id"] == busiest)
    for name, commands in DONE.items():
        _act(scene, name, offered.pop(0), commands)
    for name, commands in OWN.items():
        _act(scene, name, offered.pop(), commands)
    _remember(scene, "offered", offered[-1])
    for state in ("waiting", "unplaceable"):
        for one in scene.of_state(state)[:1]:
            _remember(scene, state, one)
    return scene


def _centers(scene: Scene) -> Iterator[str]:
    for one in scene.ask("referral", "GET", "/v1/centers?limit=500", "operator")["items"]:
        yield from (one[f"name_{language}"] for language in Language)


def _people() -> Iterator[str]:
    for one in (*submissions(CHILDREN, demo.SEED), *children()):
        yield from (one["child"]["full_name"], one["guardian"]["full_name"])


def _codes() -> Iterator[str]:
    """Names in `data/`, which some pages give beside their codes."""
    labels = read_labels(CHECKOUT / "data")
    for kind in ("region", "settlement", "diagnosis"):
        yield from (name for names in labels.names[kind].values() for name in names.values())


def _routed(scene: Scene) -> bool:
    counts = [len(scene.of_state(state)) for state in ("offered", "waiting", "unplaceable")]
    return sum(counts) >= min(CHILDREN, 100)


def _remember(scene: Scene, name: str, referral: dict[str, Any]) -> None:
    scene.referrals[name] = referral["id"]
    scene.centers[name] = referral.get("center_id") or ""


def _act(scene: Scene, name: str, referral: dict[str, Any], commands: tuple[str, ...]) -> None:
    _remember(scene, name, referral)
    for command in commands:
        role = "polyclinic" if command == "cancel" else "center"
        org = LOCAL_POLYCLINIC if role == "polyclinic" else str(referral["center_id"])
        path = f"/v1/referrals/{referral['id']}/{command}"
        scene.ask("referral", "POST", path, role, org, json=_BODIES.get(command, {}))


EVERY_PAGE: dict[str, tuple[str, ...]] = {
    "nobody": (
        "/",
        "/sign-in",
        "/help/public",
        "/capacity",
        "/capacity?region=KZ-75&modality=home_care",
        "/family",
        "/nowhere",
    ),
    "polyclinic": (
        "/",
        "/help/polyclinic",
        "/find-child",
        "/refer",
        "/referrals",
        "/referrals?status=offered",
        "/referrals?mine=1",
        "/number",
        "/referrals/{offered}",
        "/referrals/{accepted}",
        "/referrals/{admitted}",
        "/referrals/{no_show}",
        "/referrals/{completed}",
        "/referrals/{cancelled}",
        "/referrals/{unplaceable}",
        "/referrals/{offered}/correct/child",
        "/referrals/{offered}/correct/care",
        "/referrals/{offered}/do/cancel",
        "/referrals/{no_show}/do/offer-again",
        "/referrals/{offered}/do/withdraw-consent",
        "/referrals/{offered}/why",
        "/referrals/{waiting}/why",
        "/referrals/{unplaceable}/why",
        "/referrals/{accepted}/paper",
        "/referrals/{waiting}/paper",
        "/transfers",
        "/transfers/ask",
        "/upload",
    ),
    "center": (
        "/",
        "/help/center",
        "/inbox",
        "/inbox?mine=1",
        "/inbox/{offered}",
        "/inbox/{own_declined}",
        "/weeks",
        "/weeks/{own_accepted}",
        "/weeks/{own_admitted}",
        "/places",
        "/places/{programme}",
        "/referrals/{offered}/why",
    ),
    "operator": (
        "/",
        "/help/operator",
        "/map?region=KZ-75&age=fresh",
        "/waiting",
        "/children?status=waiting&region=KZ-10&age=144",
        "/trends",
        "/trends?span=day",
        "/escalated?reason=unplaceable",
        "/late-transfers",
        "/children/{admitted}",
        "/children/{unplaceable}/do/cancel",
        "/audit",
        "/dead-letters",
        "/audit-log",
        "/audit-log/check?log=intake",
        "/services",
        "/referrals/{offered}/why",
        "/queues/nccr-astana-inpatient",
    ),
}
"""The addresses of all pages by role; `{offered}` (and so on) is that referral's id, `{center}` the center's."""


def every_page(scene: Scene) -> Iterator[tuple[str, str]]:
    """Role and address of each page."""
    for role, paths in EVERY_PAGE.items():
        for path in paths:
            yield role, path.format(**scene.referrals, center=scene.center, programme=scene.programme)
