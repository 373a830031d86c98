"""The endpoint of submissions is called without FastAPI, and by it where a request has a query."""

from unittest.mock import sentinel

from fastapi.routing import APIRoute

from services.intake.entrypoints.diagnoses import router
from services.kit.http.direct import direct_call


def test_submissions_are_called_directly() -> None:
    [submit] = [one for one in router.routes if isinstance(one, APIRoute) and one.name == "submit_diagnosis"]
    assert direct_call(submit.dependant, sentinel.with_query) is not None, "a parameter keeps it from the direct call"
