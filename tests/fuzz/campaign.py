"""Cases made from an OpenAPI document by Schemathesis, each sent by somebody who may call, and each answer checked."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, CheckFunction, GenerationMode
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import negative_data_rejection

from tests.fuzz.country import Caller, Known, admitted

KNOWN_ID, ALLOWED, VALID_BODY = 0.7, 0.9, 0.3
"""How often a parameter has an id that exists, a token a role that the path admits, and a body all that rules ask."""
SECONDS = 20.0
"""Within which each answer comes."""
LENIENT = {"/v1/diagnoses", "/v1/diagnoses/bulk", "/v1/diagnoses/{referral_id}", "/v1/children/{child_id}",
           "/v1/children/lookup"}  # fmt: skip
"""Paths that read what people type: much that the schema does not show is taken."""
CONFIG = {
    "checks": {
        # what the schema cannot say: check digits, ids that do not exist, states that do not allow a step
        "positive_data_acceptance": {"expected-statuses": [
            "2xx", 401, 403, 404, 409, 412, 413, 415, 422, 429, 503,
        ]},
        "negative_data_rejection": {"expected-statuses": [
            400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 429, 431, 503,
        ]},
        "not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", 503]},
        "max_response_time": SECONDS,
    }
}  # fmt: skip

schemathesis.serializer.alias("application/x-ndjson", "text/plain")


@dataclass
class Tally:
    """What came of the cases of one operation."""

    service: str
    operation: str
    statuses: Counter[int] = field(default_factory=Counter)
    callers: Counter[str] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    """By what failed: the first request and answer."""

    @property
    def cases(self) -> int:
        return self.statuses.total()


class Campaign:
    """`cases` spread over the operations of one service's document at `url`."""

    def __init__(self, service: str, url: str, document: dict[str, Any], known: Known, callers: Sequence[Caller]):
        self.service, self._url, self._known, self._callers = service, url, known, callers
        config = schemathesis.Config.from_dict(CONFIG)
        self._schema = schemathesis.openapi.from_dict(document, config=config)
        self._session = requests.Session()

    def operations(self) -> Iterator[Any]:
        for one in self._schema.get_all_operations():
            if isinstance(one, Ok):
                yield one.ok()
            else:
                raise ValueError(f"{self.service}: {one.err()}")

    def run(self, operation: Any, cases: int, from_seed: int) -> Tally:
        """Half of the cases as the document allows, half with something wrong."""
        tally = Tally(self.service, operation.label)
        chance = random.Random(from_seed)
        allowed = admitted(self._url, operation.method.upper(), self._path(operation, chance), self._callers)
        for mode in GenerationMode:
            part = cases - tally.cases if mode is list(GenerationMode)[-1] else cases // 2
            self._generate(operation, mode, part, from_seed, lambda case: self._send(case, tally, allowed, chance))
        return tally

    def _path(self, operation: Any, chance: random.Random) -> str:
        path: str = operation.path
        for one in operation.path_parameters:
            path = path.replace(f"{{{one.name}}}", self._known.choose(one.name, path, chance) or "x")
        return path

    def _generate(
        self, operation: Any, mode: GenerationMode, cases: int, from_seed: int, send: Callable[[Case[Any]], None]
    ) -> None:
        @seed(from_seed)
        @settings(
            max_examples=max(cases, 1), deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(operation.as_strategy(generation_mode=mode))
        def each(case: Case[Any]) -> None:
            send(case)

        try:
            each()
        except Unsatisfiable:
            if mode is GenerationMode.POSITIVE:
                raise

    def _send(self, case: Case[Any], tally: Tally, allowed: Sequence[Caller], chance: random.Random) -> None:
        caller = chance.choice(allowed if allowed and chance.random() < ALLOWED else self._callers)
        components = case.meta.components if case.meta else {}
        wrong = {place for place, one in components.items() if one.mode is GenerationMode.NEGATIVE}
        self._name_what_exists(case, chance, wrong)
        if not wrong and chance.random() < VALID_BODY:
            self._take_valid_body(case, chance)
        headers = {"Authorization": caller.header}
        began = time.monotonic()
        try:
            sent = case.as_transport_kwargs(base_url=self._url)
            sent["headers"] = {**sent["headers"], **headers}
            got = self._session.request(**sent, stream=True, timeout=SECONDS)
            endless = got.status_code == 200 and "event-stream" in got.headers.get("content-type", "")
            if not endless:
                got.content  # noqa: B018  read to its end
        except requests.exceptions.RequestException as error:
            tally.statuses[0] += 1
            tally.failures.setdefault(f"no answer: {type(error).__name__}", f"{case.as_curl_command()}\n{error}")
            return
        tally.statuses[got.status_code] += 1
        tally.callers[caller.name] += 1
        if endless:
            got.close()
            return
        if time.monotonic() - began > SECONDS:
            tally.failures.setdefault("slow", case.as_curl_command())
        self._judge(case, got, tally, headers, wrong)

    def _name_what_exists(self, case: Case[Any], chance: random.Random, wrong: set[ParameterLocation]) -> None:
        """Replace ids by some that exist, unless they are what is wrong in this case."""
        places = {ParameterLocation.PATH: case.path_parameters, ParameterLocation.QUERY: case.query}
        for place in (values for where, values in places.items() if where not in wrong):
            for name in place:
                known = self._known.choose(name, case.path, chance)
                if known and chance.random() < KNOWN_ID:
                    place[name] = known

    def _take_valid_body(self, case: Case[Any], chance: random.Random) -> None:
        """A body that every rule lets pass, with the ids to which it belongs."""
        if found := self._known.bodies.get(case.operation.label):
            one = chance.choice(found)
            case.path_parameters.update(one.path_parameters)
            case.body, case.media_type = one.body, one.media_type

    def _judge(
        self, case: Case[Any], got: requests.Response, tally: Tally, headers: dict[str, str],
        wrong: set[ParameterLocation],
    ) -> None:  # fmt: skip
        # a wrong header was the token's, which was replaced
        lenient = case.path in LENIENT or wrong <= {ParameterLocation.HEADER}
        excluded: list[CheckFunction] = [negative_data_rejection] if lenient else []
        try:
            case.validate_response(
                Response.from_requests(got, verify=False), headers=headers, excluded_checks=excluded,
                transport_kwargs={"base_url": self._url},
            )  # fmt: skip
        except FailureGroup as group:
            for one in group.exceptions:
                self._note(one, case, got, tally)
        except Failure as one:
            self._note(one, case, got, tally)

    def _note(self, failure: BaseException, case: Case[Any], got: requests.Response, tally: Tally) -> None:
        title = getattr(failure, "title", type(failure).__name__)
        told = f"{failure}\n{case.as_curl_command()[:1500]}\n{got.status_code} {got.text[:600]}"
        tally.failures.setdefault(title, told)
