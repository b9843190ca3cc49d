"""Runs a case of the table: real boto3 calls under policies that allow exactly what AWS asks for, and all but that.

A file catalog_cases/SERVICE.json says in words of AWS's documentation what calls of that service need. Its form:

    service   boto3's name of the service
    page      the page of the Service Authorization Reference; a case may name a page of its own
    setup     calls of the administrator before the first case: {"call": "create_queue" or "iam.create_role",
              "with": {parameters}, "keep": {"url": "JMESPath of the answer"}}
    cases     {"call", "with": {parameters}, "needs": ["ACTION ARN", ...], "before": as setup, "keep",
              "answers": the error code, where AWS's own answer to the allowed call is an error, "why": a remark}

In parameters and ARNs $name stands for what was kept, {"base64": text} for bytes, {"json": value} for a document as
text. An ARN is what a policy has to say: a part of it may be a wildcard, for a resource that has no name yet.
"""

import base64
import functools
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

import boto3
import botocore.session
import jmespath
import jmespath.functions
from botocore.config import Config
from botocore.exceptions import ClientError

from pairs import Pair, refusing

from . import raw
from .conftest import Gateway
from .raw import REGION, Keys

TABLES = Path(__file__).parent / "catalog_cases"
SENTENCE = re.compile(
    r'is not authorized to perform: (\S+) on resource: "?(.+?)"?(?: because no| with an explicit deny in a|$|\. Run )'
)
INEXACT = "does not resolve the resources"


class _Functions(jmespath.functions.Functions):
    """Of an id that comes with a path, what stands after its last slash."""

    @jmespath.functions.signature({"types": ["string"]}, {"types": ["string"]})
    def _func_after(self, text: str, mark: str) -> str:
        return text.rpartition(mark)[2]


def _found(paths: dict[str, str], answer: dict[str, Any] | None) -> dict[str, Any]:
    options = jmespath.Options(custom_functions=_Functions())
    return {name: jmespath.search(path, answer, options) for name, path in paths.items()}


@dataclass(frozen=True)
class Step:
    """One call of the administrator."""

    call: str
    params: dict[str, Any]
    keep: dict[str, str]


@dataclass(frozen=True)
class Case:
    """One call and what it needs: pairs of an action and an ARN, as they were written."""

    service: str
    call: str
    params: dict[str, Any]
    needs: tuple[str, ...]
    page: str
    before: tuple[Step, ...] = ()
    keep: dict[str, str] = field(default_factory=dict)
    answers: str = ""
    why: str = ""

    def __str__(self) -> str:
        return f"{self.service}.{self.call}"


@dataclass(frozen=True)
class Table:
    service: str
    page: str
    setup: tuple[Step, ...]
    cases: tuple[Case, ...]


def _step(call: str, with_: dict[str, Any] | None = None, keep: dict[str, str] | None = None) -> Step:
    return Step(call, with_ or {}, keep or {})


def _steps(given: Iterable[dict[str, Any]]) -> tuple[Step, ...]:
    return tuple(
        _step(**{"with_" if name == "with" else name: value for name, value in item.items()}) for item in given
    )


def _case(service: str, given: dict[str, Any]) -> Case:
    return Case(
        service=service,
        call=given.pop("call"),
        params=given.pop("with", {}),
        needs=tuple(given.pop("needs")),
        page=given.pop("page"),
        before=_steps(given.pop("before", ())),
        **given,
    )


def read(path: Path) -> Table:
    """A table; a key that it does not know is an error."""
    given = json.loads(path.read_text())
    service, page = given.pop("service"), given.pop("page")
    setup = _steps(given.pop("setup", ()))
    cases = tuple(_case(service, {"page": page, **item}) for item in given.pop("cases"))
    assert not given, given
    return Table(service, page, setup, cases)


def _filled(value: Any, kept: dict[str, Any]) -> Any:
    """A parameter with what was kept in place of $name."""
    match value:
        case str():
            return kept[value[1:]] if value[1:] in kept else Template(value).substitute(kept)
        case {"base64": text, **rest} if not rest:
            return base64.b64decode(text)
        case {"json": document, **rest} if not rest:
            return json.dumps(_filled(document, kept))
        case dict():
            return {_filled(name, kept): _filled(item, kept) for name, item in value.items()}
        case list():
            return [_filled(item, kept) for item in value]
    return value


@dataclass
class Driver:
    """Calls as anybody, with one client per service: only its credentials change."""

    gateway: Gateway
    _kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    _clients: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        session = botocore.session.Session()
        session.set_credentials(self.gateway.admin.id, self.gateway.admin.secret)
        self._credentials = session.get_credentials()
        self._session = boto3.session.Session(botocore_session=session, region_name=REGION)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            config = Config(
                retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, inject_host_prefix=False
            )
            self._clients[service] = self._session.client(service, endpoint_url=self.gateway.endpoint, config=config)
        return self._clients[service]

    def call(self, keys: Keys, service: str, name: str, params: dict[str, Any]) -> dict[str, Any]:
        service, _, name = name.rpartition(".") if "." in name else (service, "", name)
        client = self._client(service)
        held = self._credentials
        held.access_key, held.secret_key, held.token = keys.id, keys.secret, keys.token or None
        answer: dict[str, Any] = getattr(client, name)(**params)
        return answer

    def limited(self, statements: Iterable[dict[str, Any]]) -> Keys:
        """Somebody whose policy is this one."""
        return self.gateway.session(self.gateway.common_role, policy=raw.document(*statements))

    def _do(self, steps: Iterable[Step], service: str, kept: dict[str, Any]) -> None:
        for step in steps:
            answer = self.call(self.gateway.admin, service, step.call, _filled(step.params, kept))
            kept.update(_found(step.keep, answer))

    def prepared(self, table: Table) -> dict[str, Any]:
        """What was kept of the setup of a table, which is done once."""
        if table.service not in self._kept:
            kept: dict[str, Any] = {}
            self._do(table.setup, table.service, kept)
            self._kept[table.service] = kept
        return self._kept[table.service]

    def run(self, table: Table, case: Case) -> None:
        kept = self.prepared(table)
        self._do(case.before, case.service, kept)
        params = _filled(case.params, kept)
        pairs = [Pair(*_filled(item, kept).split(" ", 1)) for item in case.needs]
        assert len(set(pairs)) == len(pairs)
        for arn in (pair.arn for pair in pairs):
            assert all("*" not in part or part == "*" for part in re.split("[/:]", arn)), f"a part of a name: {arn}"
        for pair in pairs:
            for how, statements in refusing(pair, pairs):
                self._refused(case, params, pair, how, statements)
        self._passes(case, params, pairs, kept)

    def _passes(self, case: Case, params: dict[str, Any], pairs: list[Pair], kept: dict[str, Any]) -> None:
        answer, failure = self._answer(self.limited(pair.allowed for pair in pairs), case, params)
        code = failure.response["Error"]["Code"] if failure else ""
        assert code == case.answers, f"{case}, allowed: {failure or answer}"
        kept.update(_found(case.keep, answer))

    def _refused(
        self, case: Case, params: dict[str, Any], pair: Pair, how: str, statements: list[dict[str, Any]]
    ) -> None:
        keys = self.limited(statements)
        _, failure = self._answer(keys, case, params)
        about = f"{case}, {pair.action} on {pair.arn} {how}: {failure}"
        assert failure and failure.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403), about
        assert pair.is_named_by(*self._named(keys, failure)), about

    def _answer(
        self, keys: Keys, case: Case, params: dict[str, Any]
    ) -> tuple[dict[str, Any] | None, ClientError | None]:
        try:
            answer = self.call(keys, case.service, case.call, params)
        except ClientError as failure:
            return None, failure
        if case.call == "delete_objects" and answer.get("Errors"):  # which tells of each object within a success
            return None, ClientError(
                {"Error": answer["Errors"][0], "ResponseMetadata": {"HTTPStatusCode": 403}}, case.call
            )
        return answer, None

    def _named(self, keys: Keys, failure: ClientError) -> tuple[str, str]:
        """Of which action and resource a denial speaks; the answer to HEAD has no body, so there the record says it."""
        if failure.response["Error"]["Code"] == "403":
            event = self.gateway.events(keys)[0]
            return f"{event.service}:{event.action}", event.resource
        message = failure.response["Error"].get("Message") or failure.response.get("message", "")
        found = SENTENCE.search(message)
        assert found and INEXACT not in message, f"no exact denial: {failure} {failure.response}"
        return found[1], found[2]


@functools.cache
def tables() -> tuple[Table, ...]:
    return tuple(read(path) for path in sorted(TABLES.glob("*.json")))
