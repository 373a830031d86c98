"""Closing in SQL: a referral that is over, as the referral service says, keeps its child from another no longer."""

from uuid import UUID

from sqlalchemy import select, update
from sqlmodel import Session

from services.intake.adapters.tables import children, diagnoses


def close(session: Session, closed: frozenset[UUID]) -> None:
    """Free the children of these referrals. None of them is ever opened again, so an old answer is as good as a new."""
    if not closed:
        return
    theirs = select(diagnoses.c.child_id).where(diagnoses.c.referral_id.in_(closed))
    known = select(children.c.child_id).where(children.c.child_id.in_(theirs)).order_by(children.c.child_id)
    session.execute(known.with_for_update()).all()  # the child first, as every writer of several rows does
    over = update(diagnoses).where(diagnoses.c.referral_id.in_(closed))
    session.execute(over.values(open_iin=None, open_likeness=None))
    _reopen(session, closed)


def _reopen(session: Session, closed: frozenset[UUID]) -> None:
    """The one that was to end by a join is the child's open one when the one that was to stay has closed before it."""
    theirs = select(diagnoses.c.child_id).where(diagnoses.c.referral_id.in_(closed))
    query = select(diagnoses.c.referral_id, diagnoses.c.child_id, diagnoses.c.ended_by_join, children.c.iin_index)
    query = query.join(children).where(diagnoses.c.child_id.in_(theirs), diagnoses.c.open_likeness.is_not(None))
    rows = session.execute(query.order_by(diagnoses.c.ended_by_join.desc(), diagnoses.c.submitted_at.desc()))
    for row in {row.child_id: row for row in rows}.values():
        if row.ended_by_join:
            one = update(diagnoses).where(diagnoses.c.referral_id == row.referral_id)
            session.execute(one.values(ended_by_join=False, open_iin=row.iin_index))
