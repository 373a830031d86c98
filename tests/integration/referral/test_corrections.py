"""A polyclinic corrects a child's data: the turn is kept, and who waits or has an offer is looked at again."""

from datetime import timedelta
from typing import Any

import pytest

from services.contracts.events import Event, ReferralCorrectedV1
from services.contracts.vocabulary import OfferState, Priority, ReferralState
from services.kit.errors import TransientError
from services.referral.domain.life import Command
from tests.integration.referral.corrections import corrected, correction, joined
from tests.integration.referral.country import Country, offers, programme_body
from tests.unit.referral.samples import NOW, diagnosis, event

S = ReferralState


async def test_a_center_with_the_offer_sees_that_something_changed_and_keeps_it(country: Country) -> None:
    await country.open("near")
    await country.submit(1)
    await country.handle([event(correction(1, 2, "child.full_name", "guardian.phone"))])
    events = await country.deliver()
    assert [type(one.data) for one in events if isinstance(one.data, ReferralCorrectedV1)] == [ReferralCorrectedV1]
    story = await country.story(1)
    assert (story.state, story.center_id, story.changed_at) == (S.OFFERED, "near", NOW + timedelta(hours=2))
    last = story.history[-1]
    assert (last.command, last.actor, last.detail) == ("correct", "polyclinic:p1", "child.full_name, guardian.phone")
    await country.accept(1)


async def test_an_offer_that_is_no_longer_eligible_is_withdrawn_and_the_child_goes_on(country: Country) -> None:
    await country.open("near", age_under_months=72)
    await country.open("far", settlement="far")
    await country.submit(1)
    assert await country.where(1) == (S.OFFERED, "near")
    await corrected(country, 1, age_months=96)
    assert await country.where(1) == (S.OFFERED, "far")
    story = await country.story(1)
    assert [(one.center_id, one.state, one.reason) for one in story.offers] == [
        ("near", OfferState.WITHDRAWN, "no_longer_eligible"), ("far", OfferState.MADE, None)
    ]  # fmt: skip
    assert story.age_months == 96
    assert (await country.figures())["near"] == (1, 0, 0)


async def test_a_withdrawn_offer_s_place_goes_to_the_next_and_its_program_may_be_asked_again(country: Country) -> None:
    await country.open("near", age_under_months=72)
    await country.submit(1)
    await country.submit(2)
    await corrected(country, 1, age_months=96)
    assert await country.where(1) == (S.UNPLACEABLE, None)
    assert await country.where(2) == (S.OFFERED, "near")
    await corrected(country, 1, 3)  # the birth date was right after all
    assert await country.where(1) == (S.WAITING, None)
    assert await country.queue("near") == [1]


async def test_who_waits_is_looked_at_again_and_keeps_the_turn(country: Country) -> None:
    await country.open("near", places=0)
    await country.open("beds", places=0, modality="inpatient", settlement="far")
    await country.submit(1, 2)
    await country.submit(3, modalities=("inpatient",))
    before = (await country.loaded(1)).referral.rank
    await corrected(country, 1, modalities=("inpatient",))
    assert (await country.queue("near"), await country.queue("beds")) == ([2], [1, 3]), "in front of the later one"
    assert (await country.loaded(1)).referral.rank == before
    await country.set_places("beds", 1)
    assert offers(await country.deliver()) == [(1, "beds")]


async def test_a_new_home_moves_the_child_to_where_there_is_a_place(country: Country) -> None:
    await country.open("near", places=0)
    await country.open("far", places=1, settlement="far", catchment="region")
    await country.submit(1)
    assert await country.where(1) == (S.WAITING, None)
    await corrected(country, 1, settlement_id="far")
    assert await country.where(1) == (S.OFFERED, "far")
    assert (await country.loaded(1)).referral.needs.region_id == "KZ-71"


async def test_who_waits_where_nothing_changes_for_it_goes_on_waiting(country: Country) -> None:
    await country.open("near", places=0)
    await country.submit(1)
    deadline = (await country.story(1)).deadline_at
    await corrected(country, 1, gmfcs="IV")
    story = await country.story(1)
    assert ([one.command for one in story.history], story.gmfcs) == (["wait", "correct"], "IV")
    assert (story.attempt, story.deadline_at) == (1, deadline)


async def test_another_priority_gives_the_head_start_that_goes_with_it(country: Country) -> None:
    await country.open("near", places=0)
    await country.submit(1, 2)
    await corrected(country, 2, age_months=20, priority=Priority.URGENT)
    assert await country.queue("near") == [2, 1]


async def test_an_older_correction_after_a_newer_one_changes_nothing(country: Country) -> None:
    await country.open("near", places=0)
    await country.submit(1)
    await corrected(country, 1, 3, gmfcs="IV")
    await corrected(country, 1, 2, gmfcs="II")
    assert (await country.story(1)).gmfcs == "IV"


async def test_two_corrections_in_one_batch_are_one_step_that_names_the_fields_of_both(country: Country) -> None:
    await country.open("near", places=0)
    await country.submit(1)
    both = [correction(1, 3, "diagnosis.gmfcs", gmfcs="IV"), correction(1, 2, "guardian.phone")]
    await country.handle([event(one) for one in both])
    story = await country.story(1)
    assert (story.gmfcs, story.history[-1].detail) == ("IV", "diagnosis.gmfcs, guardian.phone")


async def test_a_correction_that_comes_before_its_referral_is_early(country: Country) -> None:
    await country.open("near")
    batch = [event(diagnosis(1)), event(correction(1, gmfcs="IV"))]
    early = await country.react(batch)
    assert early == {batch[1].envelope.id}
    await country.handle(batch[1:])
    assert (await country.story(1)).gmfcs == "IV"


async def test_an_accepted_offer_stands_and_a_closed_referral_is_left_alone(country: Country) -> None:
    await country.open("near", places=2, age_under_months=72)
    await country.submit(1, 2)
    await country.accept(1)
    await country.act(2, Command.CANCEL, "moved_away")
    for number in (1, 2):
        await corrected(country, number, age_months=96)
    assert await country.where(1) == (S.ACCEPTED, "near")
    assert (await country.where(2))[0] is S.CANCELLED
    assert (await country.story(2)).changed_at is None


@pytest.mark.parametrize("moved", [False, True])
async def test_a_correction_while_the_child_is_with_the_router_counts(country: Country, moved: bool) -> None:
    await country.open("near")
    await country.open("far", places=1, settlement="far")
    await country.submit(1)
    await country.decline(1)
    home = "far" if moved else "home"
    await country.handle([event(correction(1, age_months=96, settlement_id=home))])
    assert (await country.where(1))[0] is S.SUBMITTED
    await country.deliver()
    assert await country.where(1) == (S.OFFERED, "far")
    assert (await country.story(1)).decision.candidates[0].kilometers < (1 if moved else 1000)  # type: ignore[union-attr]


async def decline_cut_off(country: Country, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """Child 1 is declined; capacity has given the next place or queue, and the record has not. The decline's event."""

    async def cut_off(*_: object, **__: object) -> None:
        raise TransientError("cut off")

    await country.decline(1)
    events = await country.own_events()
    with monkeypatch.context() as patch:
        patch.setattr(country.service.reactions.referrals, "save", cut_off)
        with pytest.raises(TransientError):
            await country.handle(events)
    return events


async def test_a_place_claimed_before_a_correction_is_given_back_when_it_no_longer_fits(
    country: Country, monkeypatch: pytest.MonkeyPatch
) -> None:
    await country.open("near")
    await country.open("infants", settlement="far", places=2, age_under_months=36)
    await country.open("far", settlement="far")
    await country.submit(1, age_months=20)
    events = await decline_cut_off(country, monkeypatch)
    assert (await country.figures())["infants"][1] == 1
    await country.handle([event(correction(1, age_months=96))])
    await country.handle(events)
    await country.deliver()
    assert await country.where(1) == (S.OFFERED, "far")
    held = {name: held for name, (_, held, _) in (await country.figures()).items()}
    assert held == {"near": 0, "infants": 0, "far": 1}


@pytest.mark.parametrize("how", ["a higher priority", "an earlier turn"])
async def test_a_queue_joined_before_another_rank_is_known_is_joined_anew_with_it(
    country: Country, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    await country.open("far", places=0, settlement="far")
    await country.open("near", age_under_months=36)
    await country.submit(3)
    country.clock.now += timedelta(hours=1)
    await country.submit(2, submitted_at=country.clock())
    country.clock.now += timedelta(hours=1)
    needs: dict[str, Any] = {"age_months": 20, "submitted_at": country.clock()}
    await country.submit(1, **needs)
    assert await country.where(1) == (S.OFFERED, "near")
    events = await decline_cut_off(country, monkeypatch)
    assert await country.queue("far") == [3, 2, 1]
    what = correction(1, priority="urgent", **needs) if how == "a higher priority" else joined(1, 3)
    await country.handle([event(what)])
    await country.handle(events)
    await country.deliver()
    assert await country.queue("far") == ([1, 3, 2] if how == "a higher priority" else [1, 2])


async def test_a_programme_that_was_closed_meanwhile_keeps_its_offer(country: Country) -> None:
    await country.register("c", programme_body("p"), programme_body("q", 0))
    await country.deliver()
    await country.submit(1)
    await country.register("c", programme_body("q", 0))
    await country.deliver()
    await corrected(country, 1, gmfcs="IV")
    assert await country.where(1) == (S.OFFERED, "p")


@pytest.mark.parametrize("places", [1, 0])
async def test_a_transfer_to_another_polyclinic_keeps_turn_attempt_offers_and_place(
    country: Country, places: int
) -> None:
    await country.open("near", places)
    await country.submit(1)
    await country.submit(2)
    before, queue = await country.story(1), await country.queue("near")
    await corrected(country, 1, 2, "polyclinic_id", polyclinic_id="p9")
    after = await country.story(1)
    assert after.polyclinic_id == "p9"
    for kept in ("state", "attempt", "center_id", "deadline_at", "offers"):
        assert getattr(after, kept) == getattr(before, kept), kept
    assert (await country.queue("near"), (await country.figures())["near"][1]) == (queue, places)
    assert (after.history[-1].command, after.history[-1].detail) == ("correct", "polyclinic_id")


async def test_a_correction_does_not_put_off_the_review_that_a_closed_programme_made_due(country: Country) -> None:
    await country.open("near", 0)
    await country.open("far", settlement="far", age_under_months=36)
    await country.submit(1)
    await country.register("near", programme_body("other", age_under_months=36))
    await country.deliver()
    await corrected(country, 1)
    await country.pass_time(minutes=1)
    await country.deliver()
    assert (await country.where(1))[0] is S.UNPLACEABLE
    assert await country.queue("near") == []
