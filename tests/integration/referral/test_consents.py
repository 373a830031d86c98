"""A consent is withdrawn: the referral ends in whatever state it is, and its place goes on."""

import pytest

from services.contracts.events import ConsentWithdrawnV1
from services.contracts.vocabulary import ReferralState
from tests.integration.referral.country import Country
from tests.unit.referral.samples import NOW, diagnosis, event

S = ReferralState


@pytest.mark.parametrize("state", [S.OFFERED, S.WAITING, S.ACCEPTED, S.ADMITTED])
async def test_a_withdrawn_consent_ends_the_referral_and_its_place_goes_on(country: Country, state: S) -> None:
    await country.open("near")
    if state is S.WAITING:
        await country.submit(2)
    await country.submit(1)
    if state is S.ACCEPTED:
        await country.accept(1)
    elif state is S.ADMITTED:
        await country.admit(1)
        await country.deliver()
    assert (await country.where(1))[0] is state
    data = diagnosis(1)
    withdrawn = ConsentWithdrawnV1(
        referral_id=data.referral_id, child_id=data.child_id, withdrawn_at=NOW, actor="polyclinic:p1"
    )
    for _ in range(2):
        await country.handle([event(withdrawn)])
        await country.deliver()
    story = await country.story(1)
    assert (story.state, story.history[-1].reason) == (S.CANCELLED, "consent_withdrawn")
    assert (await country.figures())["near"] == (1, int(state is S.WAITING), 0)
