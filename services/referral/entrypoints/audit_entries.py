"""`/v1/audit-log/entries`, for capacity: its reads of children are entered here, because Redis may be lost."""

from fastapi import Depends

from services.contracts.audit_entries import CapacityEntries, CapacityEntry
from services.contracts.vocabulary import Role
from services.kit.audit import Actor, Entry
from services.kit.http.auditing import audited
from services.kit.http.auth import Require
from services.kit.http.routes import guarded_router
from services.kit.persons import Persons
from services.referral.entrypoints.referrals import Service

router = guarded_router("/v1/audit-log/entries", tags=["audit log (services only)"])
CALLER = Depends(Require(Role.CAPACITY_API))


@router.post("", dependencies=[CALLER], status_code=204)
@audited(never=True)  # it is about what it brings
async def add_entries(given: CapacityEntries, service: Service) -> None:
    """Add entries in their order; they are durable when it is answered, and each says which process brought it."""
    persons = Persons(service.settings.audit_keys)
    await service.database.enter(*(_entry(one, persons) for one in given.entries))


def _entry(one: CapacityEntry, persons: Persons) -> Entry:
    by = Actor(persons.name(one.subject), one.role, one.org, one.purpose, one.address)
    return Entry(by, one.act, one.refused, detail=one.detail | {"entered_by": str(Role.CAPACITY_API)})
