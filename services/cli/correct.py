"""`joldama correct`: a polyclinic corrects what it submitted."""

from typing import Annotated, Any

import typer

from services.cli.actions import ReferralId, owner
from services.cli.caller import Caller, command
from services.cli.failures import ExitCode, Failure, say
from services.contracts.vocabulary import Role

_CHILD = {
    "name": ("child.full_name", "The child's full name."),
    "birth_date": ("child.birth_date", "The child's birth date, as 2019-12-31."),
    "sex": ("child.sex", "female or male."),
    "iin": ("child.iin", "The child's IIN, also of a newborn who had none."),
    "guardian": ("guardian.full_name", "The guardian's full name."),
    "phone": ("guardian.phone", "The guardian's phone, as +77010000000."),
}
_DIAGNOSIS = {
    "icd10": ("diagnosis.icd10", "The ICD-10 code."),
    "gmfcs": ("diagnosis.gmfcs", "The GMFCS level, I to V; '' when there is none."),
    "settlement": ("settlement_id", "The home settlement: an id of data/settlements.csv."),
    "modalities": ("modalities", "inpatient, day_stay, outpatient, home_care; several with ; between."),
    "max_distance_km": ("max_distance_km", "How far the family goes, in kilometers; '' for any distance."),
    "priority": ("priority", "The clinician's priority: urgent, high or routine; '' when there is none."),
}
_OPTIONS = {
    name: Annotated[str | None, typer.Option(metavar="TEXT", help=text)]
    for name, (_, text) in (_CHILD | _DIAGNOSIS).items()
}


def _correct(caller: Caller, id: ReferralId, **given: str | None) -> None:
    """Correct what was submitted. The child keeps its turn; the audit keeps what stood there before.

    An offer of a center that does not take such a child is withdrawn, and the referral goes on to the next one.
    On a local network the command acts as the polyclinic that submitted the referral.

    Example: joldama correct 019a2b3c-0000-7000-8000-000000000001 --phone +77010000001
    """
    child, diagnosis = _patch(_CHILD, given), _patch(_DIAGNOSIS, given)
    if not (child or diagnosis):
        raise Failure(ExitCode.USAGE, "Nothing to correct: name at least one field, such as --phone +77010000001.")
    with caller.api("intake", Role.POLYCLINIC, owner(caller, id, Role.POLYCLINIC)) as api:
        path = f"/v1/diagnoses/{id}"
        answer: Any = None
        if child:
            answer = api.patch(f"/v1/children/{api.get(path)['child_id']}", child)
        try:
            answer = api.patch(path, diagnosis) if diagnosis else answer
        except Failure:
            if child:
                say("The child's and the guardian's data is corrected; the diagnosis is not:")
            raise
    named = [field for name, (field, _) in (_CHILD | _DIAGNOSIS).items() if given.get(name) is not None]
    caller.show(answer, lambda _: f"Referral {id} corrected: {', '.join(named)}")


def _patch(fields: dict[str, tuple[str, str]], given: dict[str, str | None]) -> dict[str, Any]:
    """The merge patch of the options that were given; an empty one removes what it names."""
    patch: dict[str, Any] = {}
    for name, (field, _) in fields.items():
        if (value := given.get(name)) is not None:
            group, _, leaf = field.rpartition(".")
            part = patch.setdefault(group, {}) if group else patch
            part[leaf] = _value(name, value)
    return patch


def _value(name: str, text: str) -> Any:
    """The option as the API takes it."""
    if not text:
        return None
    if name == "modalities":
        return [one.strip() for one in text.split(";")]
    if name == "max_distance_km":
        try:
            return float(text)
        except ValueError:
            raise Failure(ExitCode.USAGE, "--max-distance-km must be a number of kilometers, such as 300.") from None
    return text


correct = command(_correct, _OPTIONS)
