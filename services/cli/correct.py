"""`joldama correct`: a polyclinic corrects what it submitted."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from services.cli.actions import ReferralId, owner
from services.cli.caller import Caller, command
from services.cli.failures import ExitCode, Failure, Refused, say
from services.cli.render import paper
from services.cli.sending import warnings
from services.contracts.vocabulary import Role

if TYPE_CHECKING:
    from services.cli.client import Api

_CHILD = {
    "name": ("child.full_name", "The child's full name."),
    "birth_date": ("child.birth_date", "The child's birth date, as 31.12.2019 or 2019-12-31."),
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
_SAVED = "The child's and the guardian's data was sent first and is as asked; the diagnosis is not:"


def _correct(caller: Caller, id: ReferralId, **given: str | None) -> None:
    """Correct what was submitted. The child keeps its turn; the audit keeps what stood there before.

    An offer of a center that does not take such a child is withdrawn, and the referral goes on to the next one.
    Values may be as people write them, as in a file for `joldama submit`. When one is refused, none is corrected.
    On a local network the command acts as the polyclinic that submitted the referral.

    Example: joldama correct 019a2b3c-0000-7000-8000-000000000001 --phone +77010000001
    """
    child, diagnosis = _patch(_CHILD, given), _patch(_DIAGNOSIS, given)
    if not (child or diagnosis):
        raise Failure(ExitCode.USAGE, "Nothing to correct: name at least one field, such as --phone +77010000001.")
    with caller.api("intake", Role.POLYCLINIC, owner(caller, id, Role.POLYCLINIC)) as api:
        answer, fields = _send(api, f"/v1/diagnoses/{id}", child, diagnosis)
    if not caller.json:
        for warning in warnings(answer):
            paper(error=True).print(Text(warning, style="yellow"), soft_wrap=True)
    done = (
        f"Referral {id} corrected: {', '.join(fields)}" if fields else f"Nothing changed: referral {id} is so already"
    )
    caller.show(answer, lambda _: done)


def _send(api: "Api", path: str, child: Any, diagnosis: Any) -> tuple[Any, list[str]]:
    """The last answer with all warnings and corrected fields, and these fields.

    Of both corrections the second is judged before the first is made, so that both are made or none.
    """
    if not child:
        answer = api.patch(path, diagnosis)
        return answer, answer["corrected"]
    if diagnosis:
        api.patch(f"{path}?check=true", diagnosis)
    first = answer = _correct_child(api, api.get(path)["child_id"], child)
    if diagnosis:
        try:
            answer = api.patch(path, diagnosis)
        except Failure:
            say(_SAVED)
            raise
        answer |= {"corrected": first["corrected"] + answer["corrected"], "warnings": first["warnings"]}
    return answer, answer["corrected"]


def _correct_child(api: "Api", child_id: str, child: Any) -> Any:
    """The answer. Raises Failure, which names the command that joins two children who are one."""
    try:
        return api.patch(f"/v1/children/{child_id}", child)
    except Refused as refused:
        if refused.problem.get("code") != "iin_taken":
            raise
        other = refused.problem.get("child_id")
        join = f"joldama join {other} {child_id}" if other else "an operator can join them, with `joldama join`"
        told = f"child.iin: another child has this IIN; if it is the same child: {join} (iin_taken)"
        raise Failure(refused.code, told) from None


def _patch(fields: dict[str, tuple[str, str]], given: dict[str, str | None]) -> dict[str, Any]:
    """The merge patch of the options that were given, as they were typed; an empty one removes what it names."""
    patch: dict[str, Any] = {}
    for name, (field, _) in fields.items():
        if (value := given.get(name)) is not None:
            group, _, leaf = field.rpartition(".")
            part = patch.setdefault(group, {}) if group else patch
            part[leaf] = value or None
    return patch


correct = command(_correct, _OPTIONS)
