"""Which service a request is for."""

from collections.abc import Callable, Collection
from dataclasses import replace

from kansatsu.catalog.index import Index, index
from kansatsu.errors import AwsError
from kansatsu.http import HttpRequest
from kansatsu.wire import Service, form_parameters, load_service, match, outline, spoken

_FORM_PROTOCOLS = {"query", "ec2"}
# Of services with the same protocol and version the first speaks for the others: their operations are a part of its.
_SPEAKERS = {"rds": "rds"}
_S3_CONTROL_PATH = "/v20180820/"


def identify(request: HttpRequest, signing_name: str | None, among: Collection[str] = ()) -> Service | None:
    """The service of a request, speaking the protocol of the request; None when there is none.

    `signing_name` is the service in the credential scope; None for an anonymous request. Where several services sign
    with one name, X-Amz-Target, the API version, the host and the path decide. `among`: no other is looked at where
    some are given. Raises AwsError when the request contradicts itself (an operation named twice).
    """

    def offers(name: str) -> bool:
        return (not among or name in among) and _offers(name, request)

    name = _named(request, signing_name, offers)
    if name is None or (among and name not in among):
        return None
    return spoken(load_service(name), request)


def outlined(request: HttpRequest, signing_name: str | None) -> Service | None:
    """The service that it is most likely for, without operations: to answer an error in its shape.

    INVARIANT: reads no model, whatever the request names: anybody may send it.
    """
    try:
        return _outlined(request, signing_name)
    except AwsError:  # parameters that cannot be read tell nothing
        return _outlined(replace(request, query="", body=b""), signing_name)


def _outlined(request: HttpRequest, signing_name: str | None) -> Service | None:
    name = _named(request, signing_name, lambda _: True)
    return spoken(outline(name), request) if name is not None else None


def _offers(name: str, request: HttpRequest) -> bool:
    try:
        match(load_service(name), request)
    except AwsError:
        return False
    return True


def _named(request: HttpRequest, signing_name: str | None, offers: Callable[[str], bool]) -> str | None:
    """`offers`: whether a service has an operation for the request, asked only where nothing else tells."""
    found = index()
    names = _candidates(found, request, signing_name, request.headers.get("x-amz-target"))
    return names[0] if len(names) == 1 else _choose(found, request, names, offers)


def _candidates(found: Index, request: HttpRequest, signing_name: str | None, target: str | None) -> list[str]:
    signed = None if signing_name is None else found.by_signing_name.get(signing_name, [])
    prefix = target.rpartition(".")[0] if target else _path_prefix(request.path)
    if prefix is not None:
        # INVARIANT: a target that belongs to another service than the credentials were scoped to is no service at all.
        return [name for name in found.by_target.get(prefix, []) if signed is None or name in signed]
    if signed is not None:
        return signed
    return _anonymous(found, request)


def _path_prefix(path: str) -> str | None:
    if path.startswith("/service/") and "/operation/" in path:
        return path.removeprefix("/service/").partition("/")[0]
    return None


def _anonymous(found: Index, request: HttpRequest) -> list[str]:
    version = form_parameters(request).get("Version") if _looks_like_form(request) else None
    if version is not None:
        return [n for n, m in found.metadata.items() if m["apiVersion"] == version and _speaks_form(found, n)]
    by_host = _by_host(found, request)
    # What nobody signed and nothing else claims is a read of a public object, or an attempt at one.
    return by_host or ["s3"]


def _looks_like_form(request: HttpRequest) -> bool:
    content_type = request.headers.get("content-type", "")
    return "Action=" in request.query or "x-www-form-urlencoded" in content_type


def _speaks_form(found: Index, name: str) -> bool:
    return bool(_FORM_PROTOCOLS.intersection(found.protocols(name)))


def _by_host(found: Index, request: HttpRequest) -> list[str]:
    host = request.headers.get("host", "").lower().partition(":")[0]
    labels = host.split(".")
    for count in (2, 1):
        names = found.by_endpoint.get(".".join(labels[:count]))
        if names and len(labels) > count:
            return names
    return []


def _choose(found: Index, request: HttpRequest, names: list[str], offers: Callable[[str], bool]) -> str | None:
    if not names:
        return None
    if "s3control" in names:
        return "s3control" if _is_s3_control(request) else "s3"
    parameters = form_parameters(request) if _looks_like_form(request) else {}
    if "Action" in parameters:
        return _by_version(found, names, parameters.get("Version", ""))
    hosts = set(_by_host(found, request)).intersection(names)
    if len(hosts) == 1:
        return hosts.pop()
    return _by_operation(found, request, names, offers)


def _is_s3_control(request: HttpRequest) -> bool:
    host = request.headers.get("host", "")
    return "s3-control" in host or "x-amz-account-id" in request.headers or request.path.startswith(_S3_CONTROL_PATH)


def _by_version(found: Index, names: list[str], version: str) -> str | None:
    form = [name for name in names if _speaks_form(found, name)]
    exact = [name for name in form if found.metadata[name]["apiVersion"] == version] or form
    if len(exact) > 1:
        return next((_SPEAKERS[name] for name in exact if name in _SPEAKERS), exact[0])
    return exact[0] if exact else None


def _by_operation(found: Index, request: HttpRequest, names: list[str], offers: Callable[[str], bool]) -> str | None:
    """The first service that has an operation for this request; the one named like the signing name goes first."""
    target = "x-amz-target" in request.headers
    signing = {found.metadata[name].get("signingName", found.metadata[name]["endpointPrefix"]) for name in names}
    for name in sorted(names, key=lambda item: (item not in signing, names.index(item))):
        if (target or any(protocol.startswith("rest") for protocol in found.protocols(name))) and offers(name):
            return name
    return None
