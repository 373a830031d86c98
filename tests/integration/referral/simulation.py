"""A simulated network: what is done to it, the events under way, and the invariants after each step."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.contracts import topics
from services.contracts.events import (
    CenterRegisteredV1,
    ChildrenJoinedV1,
    DiagnosisCorrectedV1,
    DiagnosisRecordedV1,
    Event,
    OfferDeclinedV1,
    OfferExpiredV1,
    ReferralAcceptedV1,
    ReferralResubmittedV1,
)
from services.contracts.vocabulary import OfferState, ReferralState
from services.kit.errors import TransientError
from services.kit.versions import ANYTHING
from services.referral.domain.life import OPEN, Command
from tests.integration.referral.country import CONSUMER, programme_body
from tests.integration.referral.harness import Harness
from tests.integration.referral.invariants import (
    EventFold,
    QueueFold,
    check_capacity,
    check_claims_kept,
    check_record,
    check_settled,
)
from tests.integration.referral.oracle import Oracle
from tests.integration.referral.overtaking import Accepting, check_nobody_overtaken
from tests.integration.referral.simulated_country import CENTERS, KINDS, TOPICS, VARIANTS, WHOLE_CENTER
from tests.integration.referral.snapshots import (
    CapacitySnapshot,
    RecordedReferral,
    read_capacity,
    read_figures,
    read_record,
)
from tests.integration.referral.topic_log import TopicLog
from tests.unit.referral.samples import NOW, diagnosis, event

S = ReferralState


class Simulation:
    """Its methods are what is done; `check` is called after each."""

    def __init__(self, harness: Harness) -> None:
        self.harness, self.service = harness, harness.country.service
        self.topics = {name: TopicLog() for name in TOPICS}
        self.parked: list[Event] = []
        self.by_events, self.queues_by_events = EventFold(), QueueFold()
        self.centers: dict[str, dict[str, int]] = {}
        self.registered: set[str] = set()
        self.children: dict[int, DiagnosisRecordedV1] = {}
        self.record: dict[int, RecordedReferral] = {}
        self.capacity = CapacitySnapshot(None, {}, {}, {})
        self.older: dict[bytes, bytes] | None = None
        self.latest = NOW
        self.passed_over: dict[tuple[int, str], datetime] = {}
        self.certain: Accepting = {}
        self.judged = self.corrections = 0
        self.oracle = Oracle(self.service.settings.data)
        self.oracle.centers, self.oracle.programmes = {}, {}

    async def check(self) -> None:
        """Publish the new events, read both sides, and check every invariant."""
        country, harness = self.harness.country, self.harness
        self.latest = max(self.latest, country.clock.now)
        self.record = read_record(self.service.database)
        own, steps = await country.own_events(), await country.capacity_events()
        for name, log in self.topics.items():
            log.add(one for one in (*own, *steps) if name in one.data.TOPICS)
        self._read_answers(own)
        check_record(self.record)
        self.by_events.read(one.data for one in own)
        self.by_events.check(self.record)
        self.queues_by_events.read([one.data for one in steps], self.record)
        self.capacity = await read_capacity(harness.redis, harness.prefix, [*self.children], sorted(self.registered))
        before, self.certain = self.certain, self.certainly_accepting()
        if self.capacity.epoch:
            given = [one.data for one in steps]
            self.judged += check_nobody_overtaken(given, before, self.certain, self.capacity, self.record)
            check_capacity(self.capacity, self.queues_by_events)
            check_claims_kept(self.capacity, self.record, opening=self.is_opening)
            if self.is_quiet():
                self.check_settled()

    def _read_answers(self, own: list[Event]) -> None:
        """An expiry passes a center over for 14 days, until it answers anything, or the referral is offered again."""
        for one in own:
            data = one.data
            if isinstance(data, OfferExpiredV1) and data.center_id:
                self.passed_over[data.referral_id.int, data.center_id] = one.envelope.time + timedelta(days=14)
            elif isinstance(data, ReferralAcceptedV1 | OfferDeclinedV1):
                self.passed_over = {of: until for of, until in self.passed_over.items() if of[1] != data.center_id}
            elif isinstance(data, ReferralResubmittedV1) and data.actor != "steward":
                number = data.referral_id.int
                self.passed_over = {of: until for of, until in self.passed_over.items() if of[0] != number}

    @property
    def under_way(self) -> bool:
        return bool(self.parked) or any(log.unread for log in self.topics.values())

    @property
    def is_opening(self) -> bool:
        """Whether a center's entry is under way."""
        return any(isinstance(one.data, CenterRegisteredV1) for one in self.topics[topics.ROUTING].unread)

    def is_quiet(self) -> bool:
        """Nothing is under way, no review is due, and the clock was not put back: what was due before that waits until
        the clock is there again."""
        now = self.harness.country.clock.now
        if now < self.latest:
            return False
        due = [one for one in self.record.values() if one.state in (S.WAITING, S.UNPLACEABLE) and one.is_due(now)]
        return not due and not self.under_way

    def certainly_accepting(self) -> Accepting:
        """Who waits, and who accepts them; nobody while a center's entry is under way or the clock is put back."""
        now = self.harness.country.clock.now
        if now < self.latest or self.is_opening:
            return {}
        found = {}
        for number, one in self.record.items():
            if one.state is S.WAITING or one.is_reviewed:
                up_to_date = one.state is S.WAITING and not one.is_due(now)
                accepting = frozenset(self.accepting(number))
                found[number] = accepting if up_to_date else accepting.intersection(one.queues)
        return found

    def check_settled(self) -> None:
        without = self.among(S.WAITING, S.UNPLACEABLE)
        check_settled(self.capacity, self.record, {number: self.accepting(number) for number in without})
        figures = {name: (one.places, one.suspended) for name, one in self.capacity.figures.items()}
        assert figures == read_figures(self.service.database), "the figures differ"

    def among(self, *states: ReferralState) -> list[int]:
        return [number for number, one in self.record.items() if one.state in states]

    async def begin(self) -> None:
        await self.harness.clear()
        await self.service.rebuilder.rebuild_if_needed()

    async def put_center(self, center_id: str, kind: str, places: int, variant: int = 0) -> None:
        """A center opens, opens one more programme or changes it, and changes the figures of all."""
        self.centers.setdefault(center_id, {})[kind] = variant % len(VARIANTS)
        await self._register(center_id, places)

    async def close_programme(self, which: int) -> None:
        """A center leaves one of its programmes out of its entry."""
        names = sorted((center_id, kind) for center_id, kinds in self.centers.items() for kind in kinds)
        center_id, kind = names[which % len(names)]
        del self.centers[center_id][kind]
        del self.oracle.programmes[f"{center_id}-{kind}"]
        await self._register(center_id, 1)

    async def _register(self, center_id: str, places: int) -> None:
        bodies = [
            programme_body(f"{center_id}-{one}", places, **KINDS[one] | VARIANTS[of])
            for one, of in self.centers[center_id].items()
        ]
        await self.harness.country.register(center_id, *bodies, settlement=CENTERS[center_id])
        place = self.oracle.settlements[CENTERS[center_id]]
        self.oracle.centers[center_id] = place | {"settlement_id": CENTERS[center_id]}
        for one in bodies:
            row = one | {"center_id": center_id, "icd10_prefixes": ";".join(one["icd10_prefixes"])}
            self.oracle.programmes[one["id"]] = {name: str(value) for name, value in row.items()}
            self.registered.add(one["id"])

    async def submit(self, child: dict[str, Any]) -> None:
        number = len(self.children) + 1
        data = diagnosis(number, submitted_at=self.harness.country.clock(), **child)
        self.children[number] = data
        self._publish(event(data))

    async def correct(self, which: int, child: dict[str, Any]) -> None:
        """The polyclinic of an open referral corrects it: the child is as `child` is, with its own priority."""
        if numbers := self.among(*OPEN):
            number = numbers[which % len(numbers)]
            self.corrections += 1
            changes = {name: value for name, value in child.items() if name != "priority"}
            data = DiagnosisCorrectedV1(
                **dict(self.children[number]) | changes, version=1 + self.corrections, corrected=tuple(changes),
                corrected_at=self.harness.country.clock(), actor="polyclinic:p1",
            )  # fmt: skip
            self._publish(event(data))

    async def join(self, which: int, more: int) -> None:
        """Two open referrals turn out to be one child's."""
        numbers = self.among(*OPEN)
        kept, ended = (numbers[one % len(numbers)] for one in (which, more)) if numbers else (0, 0)
        if kept != ended:
            data = ChildrenJoinedV1(
                referral_id=UUID(int=kept), ended_referral_id=UUID(int=ended), child_id=UUID(int=kept + 1000),
                joined_child_id=UUID(int=ended + 1000), joined_at=self.harness.country.clock(), actor="polyclinic:p1",
            )  # fmt: skip
            self._publish(event(data, id=f"join {kept} {ended}"))

    def _publish(self, of_intake: Event) -> None:
        self.harness.country.intake.publish([of_intake])
        self.topics[topics.DIAGNOSES].add([of_intake])

    async def set_places(self, which: int, places: int, suspended: bool | None) -> None:
        """The center sets its figure, suspends or resumes; whether capacity serves just now is no matter."""
        names = sorted(self.oracle.programmes)
        figures = self.capacity.figures
        if suspended is False:
            names = [name for name in names if name in figures and figures[name].suspended] or names
        if names:
            name = names[which % len(names)]
            center_id = self.oracle.programmes[name]["center_id"]
            by = f"center:{center_id}"
            await self.service.registry.set_figure(center_id, name, places, suspended, by, ANYTHING)

    async def act(self, which: int, states: tuple[ReferralState, ...], command: Command, reason: str | None) -> bool:
        """A command on one of the referrals in these states; whether there is any."""
        numbers = self.among(*states)
        if numbers:
            await self.harness.country.act(numbers[which % len(numbers)], command, reason)
        return bool(numbers)

    async def deliver(self, name: str, most: int) -> bool:
        """The worker handles a batch of one topic, and retries what is parked; whether it could."""
        log = self.topics[name]
        batch, ends = log.next(most)
        if not await self._react(batch):
            return False
        log.commit(ends)
        parked, self.parked = self.parked, []
        for one in parked:
            if not await self._react([one]):
                self.parked.append(one)
        return True

    async def _react(self, batch: list[Event]) -> bool:
        try:
            early = await self.service.reactions(CONSUMER, batch)
        except TransientError:
            return False
        self.parked += [one for one in batch if one.envelope.id in early]
        return True

    async def rebuild(self) -> None:
        """The rebuilder checks capacity; who waits in a new generation is read before anything else happens."""
        if await self.service.rebuilder.rebuild_if_needed():
            await self.check()

    async def settle(self) -> None:
        """The clock is put right, all that is due or under way is done; then record and capacity agree."""
        clock = self.harness.country.clock
        clock.now = max(clock.now, self.latest)
        for _ in range(30):
            await self.rebuild()
            swept = await self.service.sweep(clock())
            await self.check()
            if not swept and not self.under_way:
                break
            for name, log in self.topics.items():
                await self.deliver(name, 50)
                while log.unread and await self.deliver(name, 50):
                    pass
        else:
            raise AssertionError("it does not come to rest")
        self.check_settled()
        report = await self.service.reconcile()
        assert not report.differences, report.differences
        assert not report.unsettled

    def accepting(self, number: int) -> set[str]:
        """The programmes that accept the child today by the design's text alone, and were not excluded by an offer."""
        child, now = self.record[number].row, self.harness.country.clock.now
        first = self.children[number]
        months = child.age_months + months_between(first.submitted_at, now, child.birth_day)
        needs = {"age_months": months, "modalities": tuple(child.modalities.split(";"))}
        needs |= {name: getattr(child, name) for name in ("settlement_id", "icd10", "max_distance_km")}
        accepting = self.oracle.accepting(first.model_dump() | needs)
        excluded = {center_id for (one, center_id), until in self.passed_over.items() if one == number and until > now}
        for offer in self.record[number].offers:
            if offer.state == OfferState.DECLINED:
                excluded.add(offer.center_id if offer.reason in WHOLE_CENTER else offer.programme_id)
        return {
            one for one in accepting if one not in excluded and self.oracle.programmes[one]["center_id"] not in excluded
        }


def months_between(then: datetime, now: datetime, birth_day: int | None) -> int:
    """Completed months of the child's age that have passed in Kazakhstan."""
    days = [(moment + timedelta(hours=5)).date() for moment in (then, max(then, now))]
    (year, month, day), (year_now, month_now, day_now) = [(one.year, one.month, one.day) for one in days]
    birth_day = birth_day or day
    return (year_now - year) * 12 + month_now - month - (day_now < birth_day) + (day < birth_day)
