"""A batch of submissions in one transaction: what is known of their children, their outcomes, and the rows."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Table, bindparam, delete, func, select
from sqlmodel import Session

from services.contracts.topics import DIAGNOSES
from services.contracts.vocabulary import Priority
from services.intake.adapters.closing import close
from services.intake.adapters.moments import from_ms, to_ms
from services.intake.adapters.sql_keys import KEY_COLUMNS, SqlKeys, stored
from services.intake.adapters.tables import answered, child_keys, children, diagnoses, outbox
from services.intake.domain.keys import Active
from services.intake.handlers.drafts import Draft, IdempotencyKey
from services.intake.handlers.outcomes import (
    KeyReused,
    Met,
    OpenReferralExists,
    Outcome,
    PossibleDuplicate,
    Recorded,
    own_ids,
)
from services.intake.handlers.vault import ChildKey
from services.kit.outgoing_event import OutgoingEvent
from services.kit.sql.add_rows import add_rows

_ACCEPTED = 201
# Statements are built once: building them costs more than running them.
_FIND_CHILDREN = (
    select(children.c.iin_index, children.c.child_id, diagnoses.c.referral_id, diagnoses.c.polyclinic_id, *KEY_COLUMNS)
    .outerjoin(diagnoses, diagnoses.c.open_iin == children.c.iin_index)
    .outerjoin(child_keys, child_keys.c.child_id == children.c.child_id)
    .where(children.c.iin_index.in_(bindparam("indexes", expanding=True)))
    .with_for_update(read=True, key_share=True, of=children)  # no join makes it another's before the commit
)
_FIND_ANSWERS = (
    select(answered, diagnoses.c.child_id, diagnoses.c.priority, diagnoses.c.submitted_at)
    .join(diagnoses, diagnoses.c.referral_id == answered.c.referral_id)
    .where(answered.c.key_digest.in_(bindparam("keys", expanding=True)))
)
_FORGET_REFUSALS = delete(answered).where(answered.c.status != _ACCEPTED, answered.c.key_digest == bindparam("key"))
_FIND_ALIKE = select(
    diagnoses.c.open_likeness, diagnoses.c.referral_id, diagnoses.c.polyclinic_id, diagnoses.c.open_iin
).where(diagnoses.c.open_likeness.in_(bindparam("likenesses", expanding=True)), ~diagnoses.c.ended_by_join)


class _Known(NamedTuple):
    """A known child with its index and wrapped key as they are stored, and its open referral."""

    child_id: UUID
    iin_index: bytes
    open_referral: UUID | None
    polyclinic_id: str | None
    key_version: int | None = None
    wrapped: bytes | None = None


class _Alike(NamedTuple):
    """An open referral of a child alike; `has_iin` says whether the child has one."""

    referral_id: UUID
    polyclinic_id: str
    has_iin: bool


class Batch:
    """The known children and answers of some drafts, and the rows to be written for them."""

    def __init__(
        self,
        session: Session,
        drafts: Sequence[Draft],
        closed: frozenset[UUID],
        keys: SqlKeys,
        bind: Callable[[Draft, ChildKey], None],
    ) -> None:
        self._session, self._keys, self._bind = session, keys, bind
        self._active = keys.require(session)
        close(session, closed)
        self._known = _known(session, [one for draft in drafts for one in draft.iin_indexes.values()])
        self._alike = _alike(session, drafts, self._active)
        wanted = [one for draft in drafts if draft.idempotency for one in draft.idempotency.key.values()]
        self._answers, self._refused = read_answers(session, wanted)
        self._rows: dict[Table, list[dict[str, Any]]] = {children: [], child_keys: [], diagnoses: [], answered: []}
        self._events: list[OutgoingEvent] = []

    def judge(self, draft: Draft) -> Outcome:
        """The outcome of a draft, which the drafts before it may decide."""
        outcome = self._judge(draft)
        if draft.iin_indexes and isinstance(outcome, Recorded):
            outcome = replace(outcome, met=self._to_warn_of(draft, outcome.referral_id))
        return outcome

    def _judge(self, draft: Draft) -> Outcome:
        key = draft.idempotency
        if key is not None and (earlier := replayed(self._answers, key)):
            return earlier
        known = next((self._known[one] for one in draft.iin_indexes.values() if one in self._known), None)
        if known and known.open_referral == draft.referral_id:
            return recorded_of(draft)
        if known and known.open_referral is not None:
            it = Met(known.open_referral, known.polyclinic_id == draft.polyclinic_id)
            return OpenReferralExists((it, *self._to_warn_of(draft, known.open_referral)))
        if duplicate := self._possible_duplicate(draft):
            return duplicate
        recorded = self._accept(draft, known)
        if key is not None:
            version = self._active.pseudonym
            self._answers[key.key[version]] = (key.body[version], recorded)
            self._rows[answered].append(
                {
                    "key_digest": key.key[version],
                    "body_digest": key.body[version],
                    "key_version": version,
                    "status": _ACCEPTED,
                    "referral_id": recorded.referral_id,
                    "answered_at": to_ms(draft.submitted_at),
                }
            )
        return recorded

    def _possible_duplicate(self, draft: Draft) -> PossibleDuplicate | None:
        """The open referrals of a child alike, unless the polyclinic has said that they are another's.

        Of those of other polyclinics it can say so without knowing them.
        """
        alike = [one for one in self._likes(draft) if one.referral_id != draft.referral_id]
        if draft.iin_indexes or not alike or _explained(draft, alike):
            return None
        return PossibleDuplicate(_met(draft, alike))

    def _likes(self, draft: Draft) -> Iterable[_Alike]:
        return chain.from_iterable(self._alike.get(one, ()) for one in draft.likenesses.values())

    def _to_warn_of(self, draft: Draft, referral_id: UUID) -> tuple[Met, ...]:
        """A child with an IIN may be one who was submitted without it, and has these referrals of that time."""
        alike = [one for one in self._likes(draft) if not one.has_iin and one.referral_id != referral_id]
        return () if _explained(draft, alike) else _met(draft, alike)

    def _accept(self, draft: Draft, known: _Known | None) -> Recorded:
        at, index = to_ms(draft.submitted_at), draft.iin_indexes.get(self._active.index)
        likeness = draft.likenesses[self._active.pseudonym]
        if known is None:
            self._rows[children].append(
                {"child_id": draft.child_id, "iin_index": index, "index_version": self._active.index, "created_at": at}
            )
            self._rows[child_keys].append(stored(draft.key))
        else:
            index = known.iin_index
            self._bind(draft, self._key_of(known))
        self._rows[diagnoses].append(
            {
                "referral_id": draft.referral_id,
                "child_id": draft.child_id,
                "polyclinic_id": draft.polyclinic_id,
                "submitted_at": at,
                "priority": draft.priority.value,
                "open_iin": index,
                "open_likeness": likeness,
                "likeness_version": self._active.pseudonym,
                "sealed": draft.sealed,
            }
        )
        self._events.append(OutgoingEvent(DIAGNOSES, name := str(draft.referral_id), draft.event, name))
        self._alike.setdefault(likeness, []).append(_Alike(draft.referral_id, draft.polyclinic_id, index is not None))
        if index:
            self._known[index] = _Known(draft.child_id, index, draft.referral_id, draft.polyclinic_id)
        return recorded_of(draft)

    def _key_of(self, known: _Known) -> ChildKey:
        """The child's key; a new one for a child of before children had any."""
        if known.wrapped is not None:
            return self._keys.vault.key_of(known.child_id, known.key_version, known.wrapped)
        key = self._keys.vault.new_key(known.child_id)
        self._rows[child_keys].append(stored(key))
        return key

    def write(self) -> None:
        if self._refused:
            self._session.connection().execute(_FORGET_REFUSALS, [{"key": one} for one in self._refused])
        for table, rows in self._rows.items():
            add_rows(self._session, table, rows)
        outbox.add(self._session, self._events)


def _met(draft: Draft, alike: Collection[_Alike]) -> tuple[Met, ...]:
    return tuple(Met(one.referral_id, one.polyclinic_id == draft.polyclinic_id) for one in alike)


def _explained(draft: Draft, alike: Collection[_Alike]) -> bool:
    """Whether the polyclinic has said that they are another child's."""
    return draft.not_duplicate_of is not None and draft.not_duplicate_of.issuperset(own_ids(_met(draft, alike)))


def recorded_of(draft: Draft) -> Recorded:
    return Recorded(draft.referral_id, draft.child_id, draft.priority, draft.submitted_at)


def _known(session: Session, indexes: Sequence[bytes]) -> dict[bytes, _Known]:
    """The known children by IIN index."""
    if not indexes:
        return {}
    rows = session.connection().execute(_FIND_CHILDREN, {"indexes": indexes})
    return {index: _Known(child_id, index, *others) for index, child_id, *others in rows}


def _alike(session: Session, drafts: Sequence[Draft], active: Active) -> dict[bytes, list[_Alike]]:
    """The open referrals with each draft's likeness.

    Of drafts without an IIN nobody else adds one until this is committed; for others they are for a warning only.
    """
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer
        for one in sorted({draft.likenesses[active.pseudonym] for draft in drafts if not draft.iin_indexes}):
            session.execute(select(func.pg_advisory_xact_lock(int.from_bytes(one[:8], "big", signed=True))))
    found: dict[bytes, list[_Alike]] = {}
    likenesses = list({one for draft in drafts for one in draft.likenesses.values()})
    for row in session.connection().execute(_FIND_ALIKE, {"likenesses": likenesses}):
        alike = _Alike(row.referral_id, row.polyclinic_id, row.open_iin is not None)
        found.setdefault(row.open_likeness, []).append(alike)
    return found


def read_answers(session: Session, keys: Collection[bytes]) -> tuple[dict[bytes, tuple[bytes, Recorded]], list[bytes]]:
    """The body digest and what was recorded, by each idempotency key; and the keys of refusals.

    Refusals are not stored any more, but an earlier release did: they are judged anew too.
    """
    if not keys:
        return {}, []
    rows = session.connection().execute(_FIND_ANSWERS, {"keys": list(keys)}).all()
    done = {one.key_digest: (one.body_digest, _outcome(one)) for one in rows if one.status == _ACCEPTED}
    return done, [one.key_digest for one in rows if one.status != _ACCEPTED]


def _outcome(row: Any) -> Recorded:
    return Recorded(row.referral_id, row.child_id, Priority(row.priority), from_ms(row.submitted_at))


def replayed(answers: Mapping[bytes, tuple[bytes, Recorded]], key: IdempotencyKey) -> Outcome | None:
    """The outcome of an earlier request with that key, if there was one."""
    for version, digest in key.key.items():
        if digest in answers:
            body, recorded = answers[digest]
            return replace(recorded, replayed=True) if body == key.body[version] else KeyReused()
    return None
