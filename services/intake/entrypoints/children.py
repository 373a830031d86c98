"""`/v1/children`, and one diagnosis: reading personal data."""

from uuid import UUID

from fastapi import Response

from services.contracts.authority import Holder, acting_role
from services.contracts.vocabulary import Role
from services.intake.entrypoints.access import Lister, Reader, Seeker, TheIntake
from services.intake.entrypoints.openapi import HIDDEN
from services.intake.entrypoints.records import (
    ChildAnswer,
    ChildName,
    ChildNames,
    DiagnosisAnswer,
    Lookup,
    Wanted,
    found,
)
from services.intake.handlers.read import DiagnosisRecord
from services.kit.audit import note, recorded
from services.kit.http.auditing import audited
from services.kit.http.preconditions import etag
from services.kit.http.routes import guarded_router

router = guarded_router(tags=["personal data"])


@router.get("/v1/diagnoses/{referral_id}", responses=HIDDEN, summary="A diagnosis as it was submitted")
async def read_diagnosis(referral_id: UUID, reader: Reader, intake: TheIntake, response: Response) -> DiagnosisAnswer:
    """For its polyclinic, or the center that holds an open offer for it now. The read is audited, and a refusal too."""
    record = found("referral_id", await intake.reading.diagnosis(reader, referral_id))[0]
    note(role=_granted(reader, [record]), child_id=record.child_id)
    response.headers["ETag"] = etag(record.version)
    return DiagnosisAnswer.of(record)


@router.post("/v1/diagnoses/names", summary="The children's names for a list of referrals")
@audited(apart=True)
async def read_names(wanted: Wanted, reader: Lister, intake: TheIntake) -> ChildNames:
    """For the polyclinic whose they are. The audit log has an entry for each name."""
    recorded()
    names = await intake.reading.names(reader.org, wanted.referral_ids)
    return ChildNames(items=[ChildName(referral_id=one, full_name=name) for one, name in names.items()])


@router.post("/v1/children/lookup", responses=HIDDEN, summary="A child by its IIN")
async def look_up_child(lookup: Lookup, reader: Seeker, intake: TheIntake, response: Response) -> ChildAnswer:
    """The child with that IIN, with those of its referrals that the asker may read. The read is audited."""
    return _child(reader, found("iin", await intake.reading.look_up(reader, lookup.iin)), response)


@router.get("/v1/children/{child_id}", responses=HIDDEN, summary="A child and its referrals")
async def read_child(child_id: UUID, reader: Reader, intake: TheIntake, response: Response) -> ChildAnswer:
    """The child, with those of its referrals that the asker may read. The read is audited."""
    return _child(reader, found("child_id", await intake.reading.child(reader, child_id)), response)


def _granted(reader: Holder, records: list[DiagnosisRecord]) -> str:
    """The roles by which these may be read; a hospital may have both."""
    own = {acting_role(reader, (Role.POLYCLINIC,), polyclinic_id=one.polyclinic_id) or Role.CENTER for one in records}
    return "+".join(sorted(own))


def _child(reader: Holder, records: list[DiagnosisRecord], response: Response) -> ChildAnswer:
    note(
        {"referrals": [str(one.referral_id) for one in records[:40]]},
        role=_granted(reader, records),
        child_id=records[0].child_id,
    )
    response.headers["ETag"] = etag(records[0].child_version)
    return ChildAnswer.of(records)
