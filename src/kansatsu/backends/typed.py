"""Calls of a backend by operation and parameters, for what Kansatsu itself asks; botocore speaks the protocol."""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

from kansatsu.backends.port import BackendResponse
from kansatsu.errors import AwsError, Unimplemented
from kansatsu.http import HttpRequest
from kansatsu.wire import OWN_MODELS

if TYPE_CHECKING:  # botocore's parts are a tenth of a second of the start; they are loaded at the first call
    from botocore.model import ServiceModel


class Called(Protocol):
    """What answers requests: a backend, or whatever else signs and sends them."""

    async def call(self, account: str, region: str, signing_name: str, request: HttpRequest) -> BackendResponse: ...


async def ask(
    backend: Called, account: str, region: str, service: str, operation: str, params: Mapping[str, Any]
) -> dict[str, Any]:
    """The decoded result of one operation. Raises the backend's error as an AwsError."""
    from botocore.serialize import create_serializer

    model = _model(service)
    serializer = create_serializer(model.metadata["protocol"], include_validation=False)
    parts = serializer.serialize_to_request(dict(params), model.operation_model(operation))
    body = parts["body"]
    raw = urlencode(body, doseq=True).encode() if isinstance(body, dict) else body
    headers = {name.lower(): value for name, value in parts["headers"].items()}
    given = parts["query_string"]
    path, _, fixed = parts["url_path"].partition("?")  # S3's operations have a part of the query in their URI
    query = "&".join(filter(None, (fixed, given if isinstance(given, str) else urlencode(given))))
    request = HttpRequest(parts["method"], path, query, headers, raw)
    signing_name = model.signing_name or model.endpoint_prefix
    response = await backend.call(account, region, signing_name, request)
    return await decoded(response, service, operation)


async def decoded(response: BackendResponse, service: str, operation: str) -> dict[str, Any]:
    """A whole answer as a value. Raises the backend's error as an AwsError."""
    from botocore.parsers import ResponseParserError, create_parser

    body = await response.read()
    # Of what a HEAD asked for there is no body, whatever kind of page it says that it would be.
    if (
        body
        and response.status >= 300
        and any(n.lower() == "content-type" and v.startswith("text/html") for n, v in response.headers)
    ):
        raise _unlike_aws(response, service, operation)
    model = _model(service)
    shape: Any = model.operation_model(operation).output_shape  # None where there is no result
    given = {"status_code": response.status, "headers": dict(response.headers), "body": body}
    try:
        parsed: dict[str, Any] = create_parser(model.metadata["protocol"]).parse(given, shape)
    except ResponseParserError:
        raise _unlike_aws(response, service, operation) from None
    if response.status >= 300:
        error = parsed.get("Error", {})
        raise AwsError(error.get("Message", ""), code=error.get("Code", "InternalFailure"), status=response.status)
    parsed.pop("ResponseMetadata", None)
    return parsed


def _unlike_aws(response: BackendResponse, service: str, operation: str) -> AwsError:
    """A web page or a bare text in the place of an answer: the backend has no such operation, or failed."""
    if response.status in (404, 405, 501):
        return Unimplemented(f"The backend does not implement {service}:{operation}.")
    return AwsError("The backend failed.", code="InternalFailure", status=500)


@functools.cache
def _model(service: str) -> "ServiceModel":
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    loader = Loader(extra_search_paths=[str(OWN_MODELS)])
    return ServiceModel(loader.load_service_model(service, "service-2"), service)
