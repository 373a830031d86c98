"""One life of the network: what happens to it, what is under way, and all that must hold after each step."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from services.contracts.events import CenterRegisteredV1, DiagnosisRecordedV1
from services.contracts.vocabulary import OfferState, ReferralState
from services.kit.errors import TransientError
from services.referral.domain.life import Command
from tests.integration.referral.both_sides import Kept, Recorded, read_figures, read_kept, read_record
from tests.integration.referral.country import programme_body
from tests.integration.referral.oracle import Oracle
from tests.integration.referral.overtaking import Welcome, check_nobody_passed_over, looked_at_again
from tests.integration.referral.post import Topic
from tests.integration.referral.promises import (
    Stories,
    Turns,
    check_kept,
    check_kept_for,
    check_record,
    check_settled,
)
from tests.integration.referral.stage import Stage
from tests.unit.referral.samples import NOW, diagnosis, event

S = ReferralState
CHILDREN: tuple[dict[str, Any], ...] = (
    {},
    {"priority": "high"},
    {"priority": "urgent", "age_months": 9},
    {"modalities": ("day_stay", "inpatient")},
    {"modalities": ("inpatient",), "icd10": "F84.0", "priority": "urgent"},
    {"max_distance_km": 200.0},
    {"settlement_id": "far", "modalities": ("inpatient", "day_stay")},
    {"settlement_id": "near", "age_months": 120},
)
KINDS: dict[str, dict[str, Any]] = {
    "all": {"icd10_prefixes": ["G80", "F84"]},
    "babies": {"age_under_months": 36},
    "beds": {"modality": "inpatient", "icd10_prefixes": ["F84", "G80"]},
    "region": {"catchment": "region"},
    "town": {"catchment": "settlement", "age_from_months": 36},
}
CENTERS = {"c0": "near", "c1": "far", "c2": "home", "c3": "near"}
TOPICS = ("referrals", "capacity", "diagnoses")
VARIANTS: tuple[dict[str, Any], ...] = (
    {}, {"icd10_prefixes": ["F84"]}, {}, {"age_under_months": 50}, {"modality": "outpatient"},
)  # fmt: skip
"""What a center may change of a programme: others are welcome then, and some who wait are not any more."""
WHOLE_CENTER = {"family_refused", "unreachable", "temporarily_closed"}


class Life:
    """What happens is told by methods; `look` is called after each."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.service = stage, stage.country.service
        self.topics = {name: Topic() for name in TOPICS}
        self.stories, self.turns = Stories(), Turns()
        self.centers: dict[str, dict[str, int]] = {}
        self.children: dict[int, DiagnosisRecordedV1] = {}
        self.record: dict[int, Recorded] = {}
        self.kept = Kept(None, {}, {}, {})
        self.older: dict[bytes, bytes] | None = None
        self.latest = NOW
        self.welcome: Welcome = {}
        self.judged = 0
        self.oracle = Oracle(self.service.settings.data)
        self.oracle.centers, self.oracle.programmes = {}, {}

    async def look(self) -> None:
        """Read both sides, publish what was told, and hold everything against what was promised."""
        country = self.stage.country
        self.latest = max(self.latest, country.clock.now)
        self.record = read_record(self.service.database)
        told, steps = await country.told(), await country.steps()
        self.topics["referrals"].add(told)
        self.topics["capacity"].add(steps)
        check_record(self.record)
        self.stories.read(one.data for one in told)
        self.stories.check(self.record)
        self.turns.read([one.data for one in steps], self.record)
        self.kept = await read_kept(self.stage.redis, self.stage.prefix, [*self.children], [*self.oracle.programmes])
        before, self.welcome = self.welcome, self.certainly_welcome()
        if self.kept.epoch:
            given = [one.data for one in steps]
            self.judged += check_nobody_passed_over(given, before, self.welcome, self.kept, self.record)
            check_kept(self.kept, self.turns)
            check_kept_for(self.kept, self.record)
            if self.is_quiet():
                self.check_settled()

    def is_quiet(self) -> bool:
        """Nothing is under way, nobody without a center is to be looked at, and the clock has not been put back:
        what was due before that waits until the clock is there again."""
        now = self.stage.country.clock.now
        if now < self.latest:
            return False
        due = [one for one in self.record.values() if one.state in (S.WAITING, S.UNPLACEABLE) and one.is_due(now)]
        return not due and not any(topic.waits for topic in self.topics.values())

    def certainly_welcome(self) -> Welcome:
        """Who waits, and where it is accepted; nobody while a center's entry is on its way or the clock is put back."""
        now = self.stage.country.clock.now
        if now < self.latest or any(
            isinstance(one.data, CenterRegisteredV1) for one in self.topics["referrals"].waiting
        ):
            return {}
        found = {}
        for number, one in self.record.items():
            if one.state is S.WAITING or looked_at_again(one):
                looked_at = one.state is S.WAITING and not one.is_due(now)
                accepting = frozenset(self.accepting(number))
                found[number] = accepting if looked_at else accepting.intersection(one.candidates)
        return found

    def check_settled(self) -> None:
        without = self.among(S.WAITING, S.UNPLACEABLE)
        check_settled(self.kept, self.record, {number: self.accepting(number) for number in without})
        kept = {name: (one.places, one.suspended) for name, one in self.kept.figures.items()}
        assert kept == read_figures(self.service.database), "the figures differ"

    def among(self, *states: ReferralState) -> list[int]:
        return [number for number, one in self.record.items() if one.state in states]

    async def begin(self) -> None:
        await self.stage.clear()
        await self.service.steward.look()

    async def put_center(self, center_id: str, kind: str, places: int, variant: int = 0) -> None:
        """A center opens, opens one more programme or changes it, and changes the figures of all."""
        kinds = self.centers.setdefault(center_id, {})
        kinds[kind] = variant % len(VARIANTS)
        bodies = [
            programme_body(f"{center_id}-{one}", places, **KINDS[one] | VARIANTS[of]) for one, of in kinds.items()
        ]
        await self.stage.country.register(center_id, *bodies, settlement=CENTERS[center_id])
        place = self.oracle.settlements[CENTERS[center_id]]
        self.oracle.centers[center_id] = place | {"settlement_id": CENTERS[center_id]}
        for one in bodies:
            row = one | {"center_id": center_id, "icd10_prefixes": ";".join(one["icd10_prefixes"])}
            self.oracle.programmes[one["id"]] = {name: str(value) for name, value in row.items()}

    async def submit(self, child: dict[str, Any]) -> None:
        number = len(self.children) + 1
        data = diagnosis(number, submitted_at=self.stage.country.clock(), **child)
        self.children[number] = data
        self.topics["diagnoses"].add([event(data)])

    async def set_places(self, which: int, places: int, suspended: bool | None) -> None:
        """The center sets its figure, suspends or resumes; capacity may not know it, or not serve just now."""
        names = sorted(self.oracle.programmes)
        if suspended is False:
            names = [name for name in names if name in self.kept.figures and self.kept.figures[name].suspended] or names
        name = names[which % len(names)]
        body = {"places": places} | ({} if suspended is None else {"suspended": suspended})
        url = f"/v1/capacity/{self.oracle.programmes[name]['center_id']}/{name}"
        answer = await self.stage.capacity.put(url, json=body)
        assert answer.status_code in (200, 404, 503), answer.text

    async def act(self, which: int, states: tuple[ReferralState, ...], command: Command, reason: str | None) -> bool:
        """One of those in these states; whether there is any."""
        numbers = self.among(*states)
        if numbers:
            await self.stage.country.act(numbers[which % len(numbers)], command, reason)
        return bool(numbers)

    async def deliver(self, name: str, most: int) -> bool:
        """The worker takes a batch of one topic; whether it settled it."""
        topic, service = self.topics[name], self.service
        batch, behind = topic.next(most)
        if not batch:
            return True
        handlers: dict[str, tuple[Callable[[Any], Awaitable[None]], ...]] = {
            "diagnoses": (service.place_children,),
            "referrals": (service.move_on, service.occupy, service.give_back, service.open_center),
            "capacity": (service.take_handovers,),
        }
        before = asyncio.all_tasks()
        try:
            for handle in handlers[name]:
                await handle(batch)
        except TransientError:
            # A batch asks capacity for several things at once: what was asked besides is still on its way.
            await asyncio.gather(*asyncio.all_tasks() - before, return_exceptions=True)
            return False
        topic.acknowledge(behind)
        return True

    async def rebuild(self) -> None:
        """The steward looks; who waits in a new generation is read before anything else happens."""
        if await self.service.steward.look():
            await self.look()

    async def settle(self) -> None:
        """The clock is put right, all that is due or under way is done; then both sides tell one story."""
        clock = self.stage.country.clock
        clock.now = max(clock.now, self.latest)
        for _ in range(30):
            await self.rebuild()
            swept = await self.service.sweep(self.stage.country.clock())
            await self.look()
            if not swept and not any(topic.waits for topic in self.topics.values()):
                break
            for name, topic in self.topics.items():
                while topic.waits and await self.deliver(name, 50):
                    pass
        else:
            raise AssertionError("it does not come to rest")
        self.check_settled()
        report = await self.service.audit()
        assert not report.differences, report.differences
        assert not report.unsettled

    def accepting(self, number: int) -> set[str]:
        """Who accepts the child today, by the design's text alone, and has not failed it before."""
        child = self.children[number]
        months = child.age_months + months_between(child.submitted_at, self.stage.country.clock.now)
        accepting = self.oracle.accepting(child.model_dump() | {"age_months": months})
        failed = set()
        for offer in self.record[number].offers:
            if offer.state == OfferState.EXPIRED or (
                offer.state == OfferState.DECLINED and offer.reason in WHOLE_CENTER
            ):
                failed.add(offer.center_id)
            elif offer.state == OfferState.DECLINED:
                failed.add(offer.programme_id)
        return {
            one for one in accepting if one not in failed and self.oracle.programmes[one]["center_id"] not in failed
        }


def months_between(then: datetime, now: datetime) -> int:
    """Whole months that have passed in Kazakhstan."""
    days = [(moment + timedelta(hours=5)).date() for moment in (then, max(then, now))]
    (year, month, day), (year_now, month_now, day_now) = [(one.year, one.month, one.day) for one in days]
    return (year_now - year) * 12 + month_now - month - (day_now < day)
