"""Two referrals of one child: one stays, with the earlier turn of both."""

from uuid import UUID

import pytest

from services.contracts.vocabulary import Priority, ReferralState
from services.referral.domain.life import Command
from tests.integration.referral.corrections import corrected, correction, joined
from tests.integration.referral.country import Country
from tests.unit.referral.samples import event

S = ReferralState


async def test_of_a_childs_two_referrals_one_stays_with_the_earlier_turn(country: Country) -> None:
    await country.open("near", places=0)
    await country.submit(1, 2, 3)
    await country.handle([event(joined(3, 1)), event(correction(1, child_id=UUID(int=1003)))])
    await country.deliver()
    assert await country.queue("near") == [3, 2]
    story = await country.story(1)
    assert (story.state, story.history[-1].reason) == (S.CANCELLED, "joined")
    assert story.child_id == str(UUID(int=1003))
    await country.handle([event(joined(3, 1), id="again")])
    assert await country.queue("near") == [3, 2]


async def test_the_offer_of_the_referral_that_ends_goes_to_the_next(country: Country) -> None:
    await country.open("near", places=2)
    await country.submit(1, 2, 3)
    await country.accept(1)
    await country.handle([event(joined(1, 2))])
    await country.deliver()
    assert [await country.where(number) for number in (1, 2, 3)] == [
        (S.ACCEPTED, "near"), (S.CANCELLED, None), (S.OFFERED, "near")
    ]  # fmt: skip
    assert [one.reason for one in (await country.story(2)).offers] == ["joined"]


async def test_a_join_before_one_of_the_referrals_is_early(country: Country) -> None:
    await country.open("near", places=0)
    await country.submit(1)
    assert await country.react([event(joined(1, 2))])
    assert await country.where(1) == (S.WAITING, None)


async def test_a_join_with_a_referral_that_was_cancelled_meanwhile_leaves_the_other_one_open(country: Country) -> None:
    await country.open("near", places=0)
    await country.submit(1, 2, 3)
    await country.act(1, Command.CANCEL, "moved_away")
    await country.handle([event(joined(1, 3))])
    await country.deliver()
    assert ((await country.where(1))[0], await country.queue("near")) == (S.CANCELLED, [3, 2])
    assert (await country.story(1)).history[-1].reason == "moved_away"


async def test_a_join_of_two_that_were_closed_meanwhile_changes_nothing(country: Country) -> None:
    await country.open("near", places=0)
    await country.submit(1, 2)
    for number in (1, 2):
        await country.act(number, Command.CANCEL, "moved_away")
    await country.handle([event(joined(2, 1))])
    assert [(await country.story(number)).history[-1].reason for number in (1, 2)] == ["moved_away"] * 2


@pytest.mark.parametrize(("command", "state"), [(Command.ADMIT, S.ADMITTED), (Command.ACCEPT, S.ACCEPTED)])
async def test_a_child_that_has_come_farther_meanwhile_stays_where_it_is(
    country: Country, command: Command, state: ReferralState
) -> None:
    await country.open("near", places=2)
    await country.submit(1, 2)
    await (country.admit(2) if command is Command.ADMIT else country.accept(2))
    await country.deliver()
    await country.handle([event(joined(1, 2)), event(correction(2, child_id=UUID(int=1001)))])
    await country.deliver()
    assert [await country.where(number) for number in (1, 2)] == [(S.CANCELLED, None), (state, "near")]
    one, two = (await country.loaded(1)), (await country.loaded(2))
    assert (two.referral.rank, two.referral.child_id) == (one.referral.rank, UUID(int=1001))
    assert [offer.reason for offer in one.offers] == ["joined"]
    occupied, held = (await country.occupied())["near"], (await country.figures())["near"][1]
    assert (occupied, held) == ((1, 0) if state is S.ADMITTED else (0, 1))


async def test_of_three_that_are_one_child_one_stays_whichever_join_comes_first(country: Country) -> None:
    await country.open("near", places=0)
    await country.submit(1, 2, 3)
    await country.handle([event(joined(2, 3)), event(joined(1, 3), id="b"), event(joined(1, 2), id="c")])
    await country.deliver()
    assert [(await country.where(number))[0] for number in (1, 2, 3)] == [S.WAITING, S.CANCELLED, S.CANCELLED]


async def test_the_turn_of_a_join_outlives_another_priority_and_its_undoing(country: Country) -> None:
    await country.open("near", places=0)
    await country.submit(1, 2, 3)
    await country.handle([event(joined(3, 1))])
    await country.deliver()
    await corrected(country, 3, 2, priority=Priority.HIGH)
    assert await country.queue("near") == [3, 2]
    await corrected(country, 3, 3)
    assert await country.queue("near") == [3, 2]
