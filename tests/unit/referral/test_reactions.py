"""The table of the worker's reactions agrees with the table of the referral's life, and routes everything it lists."""

from dataclasses import fields
from typing import Any

from services.contracts import topics
from services.referral.domain.life import TRANSITIONS, ClaimEffect
from services.referral.handlers.reactions import Reactions

NAMES: dict[str, Any] = {one.name: one.name for one in fields(Reactions)}
TABLE: dict[Any, Any] = dict(Reactions(**NAMES).table)
BY_CLAIM = {
    ClaimEffect.NEXT: "reroute_referrals",
    ClaimEffect.OCCUPY: "occupy_places",
    ClaimEffect.RELEASE: "release_places",
    None: None,
}


def test_each_event_of_a_referral_does_to_the_place_what_its_life_says() -> None:
    for row in TRANSITIONS:
        assert TABLE.get(row.event) == BY_CLAIM[row.claim], row


def test_every_handler_is_in_the_table() -> None:
    assert set(TABLE.values()) == NAMES.keys() - {"referrals", "verify"}


def test_what_the_worker_reacts_to_is_published_to_its_topics_and_nothing_else_of_a_referral_is() -> None:
    assert all(set(event.TOPICS) & set(topics.WORKER) for event in TABLE)
    others = {one.event for one in TRANSITIONS} - set(TABLE)
    assert not [event for event in others if set(event.TOPICS) & set(topics.WORKER)]
