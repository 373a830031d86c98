"""The form of a submission: what was typed, what it means to intake, and what it is called."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from starlette.datastructures import FormData, UploadFile

from services.console.upstream.client import Json
from services.console.words.search import Choice, Search, code_in, read_diagnosis_search, read_settlement_search
from services.contracts.vocabulary import Language

CONSENT_TEXT = "2026-1"
"""The version of the consent's text that families sign now."""
CHILD = (
    "child.iin", "child.full_name", "child.birth_date", "child.sex", "guardian.full_name", "guardian.phone",
)  # fmt: skip
CARE = ("diagnosis.icd10", "diagnosis.gmfcs", "settlement_id", "modalities", "max_distance_km", "priority")
CONSENT = ("consent", "consent.given_on", "consent.language")
FIELDS = (*CHILD, *CARE, *CONSENT)
"""Fields by their paths at intake, in the form's order."""
DATES = ("child.birth_date", "consent.given_on")
LONGEST_CODE = 8
"""Letters of a diagnosis that intake reads; more are no code, whatever they are."""
Values = dict[str, str]
"""What stands in each field; several modalities are separated by `;`."""


@dataclass(frozen=True, slots=True)
class Lists:
    """What settlements and diagnoses are called in the reader's language."""

    settlements: Search
    diagnoses: Search
    language: Language

    @classmethod
    def of(cls, data: Path, language: Language) -> "Lists":
        return cls(read_settlement_search(data), read_diagnosis_search(data), language)

    def named(self, values: Values) -> Values:
        """The values with the names of a settlement and a diagnosis that stand there by code."""
        return values | {
            name: search.text(self.language, search.code(values[name]) or values[name])
            for name, search in self._searches.items()
            if values.get(name)
        }

    def meant(self, values: Values) -> Values:
        """The values with the codes of what stands there by name; what is not known stays as it was typed."""
        codes = {name: search.code(values[name]) for name, search in self._searches.items() if values.get(name)}
        diagnosis = values.get("diagnosis.icd10", "")
        codes["diagnosis.icd10"] = codes.get("diagnosis.icd10") or code_in(diagnosis) or diagnosis[:LONGEST_CODE]
        return values | {name: code for name, code in codes.items() if code}

    def near(self, values: Values, errors: Mapping[str, str]) -> dict[str, list[Choice]]:
        """What may be meant, by each field that has an error."""
        return {
            name: search.suggest(self.language, values.get(name, ""), 4)
            for name, search in self._searches.items()
            if name in errors
        }

    @property
    def _searches(self) -> dict[str, Search]:
        return {"settlement_id": self.settlements, "diagnosis.icd10": self.diagnoses}


def read_form(form: FormData, lists: Lists) -> Values:
    """What was typed, and what was chosen of "did you mean"."""
    values = {name: _texts(form, name) for name in FIELDS}
    for name in ("settlement_id", "diagnosis.icd10"):
        if picked := _texts(form, f"{name}.pick"):
            values[name] = picked
    return lists.named(values)


def as_typed(values: Values) -> Values:
    """The values with dates as forms ask for them, 31.12.2019; what is no date stays."""
    typed = dict(values)
    for name in DATES:
        with suppress(KeyError, ValueError):
            typed[name] = date.fromisoformat(values[name]).strftime("%d.%m.%Y")
    return typed


def _texts(form: FormData, name: str) -> str:
    return ";".join(one for one in form.getlist(name) if not isinstance(one, UploadFile))


def body_of(values: Values, names: tuple[str, ...] = FIELDS) -> Json:
    """The submission, or the part of it with these fields, as intake takes it: it reads values as they are typed."""
    body: Json = {}
    for name in names:
        group, _, field = name.rpartition(".")
        if group != "consent" and name != "consent":
            place = body.setdefault(group, {}) if group else body
            place[field] = values[name]
    if "consent" in names and values["consent"]:
        consent = {name.partition(".")[2]: values[name] for name in CONSENT if "." in name}
        body["consent"] = consent | {"text_version": values["consent"]}
    return body


def values_of(record: Mapping[str, Any]) -> Values:
    """The values of a form for a submission, or a part of it, as intake answers it."""
    values = dict.fromkeys(FIELDS, "")
    for name in FIELDS:
        group, _, field = name.rpartition(".")
        found = (record.get(group) or {}).get(field) if group else record.get(field)
        if isinstance(found, list):
            values[name] = ";".join(found)
        elif isinstance(found, float) and found.is_integer():
            values[name] = str(int(found))
        elif found is not None and not isinstance(found, dict):
            values[name] = str(found)
    if consent := record.get("consent"):
        values["consent"] = consent["text_version"]
    return values
