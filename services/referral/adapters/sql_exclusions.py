"""The programmes that exclude a kind of child, stored once by a digest of them; decisions refer to it."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import orjson
from sqlalchemy import BindParameter, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from services.referral.adapters import rows
from services.referral.adapters.tables import ExclusionsRow, table
from services.referral.domain.referral import Change
from services.referral.domain.routing import whole

_exclusions = table(ExclusionsRow)
_DIGESTS: BindParameter[str] = bindparam("digests", expanding=True)
_KNOWN = select(_exclusions.c.digest).where(_exclusions.c.digest.in_(_DIGESTS))
_EXCLUDED = select(_exclusions.c.excluded).where(_exclusions.c.digest == bindparam("digest"))


def add_exclusions(session: Session, changes: Sequence[Change]) -> None:
    """Add what the decisions of these changes have in common with others, and is not stored yet.

    By digest: two transactions that add the same wait for each other in one order.
    """
    commons = {one.decision.common for one in changes if one.decision and one.decision.common}
    if not commons:
        return
    wanted = {rows.digest_of(one): one for one in commons}
    known = set(session.connection().execute(_KNOWN, {"digests": list(wanted)}).scalars())
    if new := sorted(wanted.keys() - known):
        given = [{"digest": one, "excluded": rows.write_excluded(wanted[one].excluded)} for one in new]
        insert = sqlite.insert if session.connection().dialect.name == "sqlite" else postgresql.insert
        session.connection().execute(insert(_exclusions).on_conflict_do_nothing(), given)


def read_excluded(session: Session, decision: Any) -> Any:
    """A decision's row with every programme that it excludes, by reason and id."""
    if decision.common is None:
        return decision
    own = orjson.loads(decision.excluded)
    candidates = [one[0] for one in orjson.loads(decision.candidates)]
    common = orjson.loads(session.connection().execute(_EXCLUDED, {"digest": decision.common}).scalar_one())
    written = orjson.dumps(whole(own, candidates, common)).decode()
    return SimpleNamespace(**dict(decision._mapping) | {"excluded": written})
