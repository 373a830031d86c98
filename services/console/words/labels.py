"""The names of codes in three languages: states and the like from the catalogs, the rest from `data/`."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.console.words.acts import ACTS
from services.console.words.i18n import N_, Words
from services.contracts.vocabulary import Language

Names = Mapping[str, str]
"""A name by language."""


TEXTS: Mapping[str, Mapping[str, str]] = {
    "act": ACTS,
    "state": {
        "submitted": N_("Finding a center"),
        "offered": N_("Offered to a center"),
        "waiting": N_("Waiting for a place"),
        "unplaceable": N_("No suitable center"),
        "accepted": N_("Accepted"),
        "admitted": N_("In care"),
        "no_show": N_("Did not come"),
        "completed": N_("Completed"),
        "cancelled": N_("Cancelled"),
        "held": N_("Offered or agreed"),
        "open": N_("Open referrals"),
    },
    "offer": {
        "made": N_("New"),
        "seen": N_("Seen"),
        "accepted": N_("Accepted"),
        "declined": N_("Declined"),
        "expired": N_("Expired"),
        "withdrawn": N_("Withdrawn"),
        "missed": N_("Did not come"),
    },
    "step": {
        "offer": N_("Offered"),
        "wait": N_("Waiting for a place"),
        "set_aside": N_("No suitable center"),
        "hand_over": N_("Offered after waiting"),
        "seen": N_("Seen"),
        "remind": N_("Reminder of the time left"),
        "accept": N_("Accepted"),
        "decline": N_("Declined"),
        "expire": N_("Not answered in time"),
        "review": N_("Offer withdrawn"),
        "admit": N_("Admitted"),
        "no_show": N_("Did not come"),
        "discharge": N_("Discharged"),
        "offer_again": N_("Child offered again"),
        "correct": N_("Data corrected"),
        "escalate": N_("Passed to the operators"),
        "cancel": N_("Cancelled"),
        "withdraw": N_("The family withdrew"),
        "withdraw_consent": N_("Consent withdrawn"),
        "join": N_("Joined with another referral"),
    },
    "priority": {"urgent": N_("Urgent"), "high": N_("High priority"), "routine": N_("Routine")},
    "modality": {
        "inpatient": N_("Inpatient"),
        "day_stay": N_("Day stay"),
        "outpatient": N_("Outpatient"),
        "home_care": N_("Care at home"),
    },
    "sex": {"female": N_("Girl"), "male": N_("Boy")},
    "place_step": {
        "kz.joldama.place.held.v1": N_("A place was offered to a child"),
        "kz.joldama.place.handed_over.v1": N_("A free place went to the next child in the queue"),
        "kz.joldama.place.released.v1": N_("A place came free"),
        "kz.joldama.place.occupied.v1": N_("A child came to the center"),
        "kz.joldama.places.set.v1": N_("A figure was set or confirmed"),
        "kz.joldama.claim.queued.v1": N_("A child joined a queue"),
        "kz.joldama.claim.withdrawn.v1": N_("A child left a queue"),
    },
    "difference": {
        "claim_missing": N_("The record has a claim on a place, the places in use do not"),
        "claim_unknown": N_("A place is in use for a referral that has none in the record"),
        "claim_differs": N_("The two have a different state or place for a referral"),
        "claim_unreadable": N_("The places in use have something that cannot be read"),
        "queues_differ": N_("A child stands in other queues than the record says"),
        "programme_missing": N_("A programme is missing among the places in use"),
        "programme_unknown": N_("The record does not know a programme"),
        "figure_differs": N_("The number of places differs"),
        "count_differs": N_("The sums of a programme are wrong"),
        "idle_place": N_("A place is free while a child waits for it"),
    },
    "letter": {
        "open": N_("To decide"),
        "retrying": N_("Being tried again"),
        "settled": N_("Processed"),
        "discarded": N_("Set aside"),
    },
    "fault": {
        "changed": N_("It is not what was written"),
        "missing": N_("Entries before it are gone"),
        "cut_off": N_("The end is gone"),
        "other_head": N_("It differs from what was exported"),
    },
    "free": {"none": N_("All taken"), "few": N_("A few free"), "many": N_("Places free")},
    "catchment": {"nation": N_("The whole country"), "region": N_("Its own region"), "settlement": N_("Its own town")},
    "language": {"kk": N_("Kazakh"), "ru": N_("Russian"), "en": N_("English")},
    "polyclinic": {"demo-polyclinic": N_("Demo polyclinic"), "second-polyclinic": N_("Second demo polyclinic")},
    "role": {
        "polyclinic": N_("Polyclinic"),
        "center": N_("Center"),
        "operator": N_("Operator"),
        "admin": N_("Administrator"),
    },
}
"""English names by kind and code."""
REASONS: Mapping[str, str] = {
    "decline": "decline", "declined": "decline", "no_show": "no_show", "missed": "no_show", "set_aside": "unplaceable",
    "escalate": "escalation", "review": "withdrawn_offer", "discharge": "outcome", "cancel": "cancel",
    "withdraw": "cancel", "withdraw_consent": "consent", "join": "join",
}  # fmt: skip
"""Kinds of reasons by the step's command, or by the state in which an offer ended; of any other one all are sought."""
TAG_COLORS = {
    "submitted": "blue", "offered": "blue", "made": "blue", "seen": "blue", "waiting": "yellow",
    "unplaceable": "red", "accepted": "teal", "admitted": "green", "no_show": "orange", "completed": "grey",
    "cancelled": "grey", "declined": "orange", "expired": "orange", "withdrawn": "grey", "missed": "orange",
    "urgent": "red", "high": "orange", "routine": "grey", "none": "grey", "few": "yellow", "many": "green",
}  # fmt: skip
"""The tag's color of each state; the words beside it say the same."""


@dataclass(frozen=True)
class Labels:
    """Names by kind (`region`, `settlement`, `center`, `diagnosis`, `decline`, `escalation` …), code and language."""

    names: Mapping[str, Mapping[str, Names]]

    def label(self, words: Words, code: str | None, kind: str) -> str:
        """The name of `code` in this language; the code itself when it has none, nothing for nothing."""
        if not code:
            return ""
        if code in TEXTS.get(kind, ()):
            return words.gettext(TEXTS[kind][code])
        return self.names.get(kind, {}).get(code, {}).get(words.language, str(code))

    def reason(self, words: Words, told: Mapping[str, Any]) -> str:
        """The reason of a step of a history, or of an offer; nothing when it has none."""
        return self.label(words, told["reason"], REASONS.get(told.get("command") or told["state"], "reason"))


def read_labels(data: Path) -> Labels:
    """The names in the CSV files of the folder `data`; reasons by their kind, and all by `reason`."""
    names = {kind: _names(data / f"{kind}s.csv") for kind in ("region", "settlement", "center")}
    names["diagnosis"] = _names(data / "diagnoses.csv", "code")
    for row in _rows(data / "reasons.csv"):
        for kind in (row["kind"], "reason"):
            names.setdefault(kind, {}).setdefault(row["code"], _by_language(row))
    return Labels(names)


def _names(file: Path, key: str = "id") -> dict[str, Names]:
    return {row[key]: _by_language(row) for row in _rows(file)}


def _by_language(row: Mapping[str, str]) -> Names:
    return {one: row[f"name_{one}"] for one in Language}


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
