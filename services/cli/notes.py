"""`joldama notes`: the notes of a referral."""

from services.cli.actions import ReferralId, owner
from services.cli.caller import Caller, command
from services.cli.render import listing
from services.contracts.vocabulary import Role


@command
def notes(caller: Caller, id: ReferralId) -> None:
    """Show the notes of a referral: the polyclinic sees all, a center those that it may.

    On a local network the command acts as the referral's polyclinic.

    Example: joldama notes 019a2b3c-0000-7000-8000-000000000001
    """
    with caller.api("intake", Role.POLYCLINIC, owner(caller, id, Role.POLYCLINIC)) as api:
        found = api.get(f"/v1/diagnoses/{id}/notes")
    columns = "written=written_at author text note=note_id"
    caller.show(found, lambda _: listing("Notes", found["items"], columns))
