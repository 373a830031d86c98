"""Validation errors do not repeat personal data, because tracebacks are logged."""

import pytest
from pydantic import BaseModel, ValidationError

from services.contracts.submissions import Child, DiagnosisSubmission, Guardian
from services.intake.entrypoints.records import ChildAnswer, DiagnosisAnswer, Lookup
from services.intake.handlers.formats import BulkSubmission
from tests.unit.intake.samples import child_body

SECRET = "Тестова Бала"
PRIVATE = (Child, Guardian, DiagnosisSubmission, BulkSubmission, DiagnosisAnswer, ChildAnswer, Lookup)


@pytest.mark.parametrize("model", PRIVATE)
def test_an_error_of_shape_names_the_field_and_not_its_value(model: type[BaseModel]) -> None:
    spoiled = child_body(child__sex=SECRET, child__extra=SECRET, guardian=SECRET)
    with pytest.raises(ValidationError) as caught:
        model.model_validate(spoiled | {"iin": SECRET, "full_name": [SECRET], "phone": SECRET})
    assert SECRET not in str(caught.value)
    with pytest.raises(ValidationError) as caught:
        model.model_validate_json(f'{{"child": "{SECRET}", "iin": "{SECRET}"')
    assert SECRET not in str(caught.value)
