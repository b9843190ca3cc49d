"""Attacks: a path of one operation that a server which reads it a second time takes for another one's, or another
resource's; and names that have one reading, which pass.
"""

from collections.abc import Callable, Iterator
from functools import cache
from urllib.parse import quote

import pytest

from kansatsu import wire
from kansatsu.catalog.index import index
from kansatsu.errors import AwsError
from kansatsu.http import HttpRequest
from kansatsu.wire import Operation


def passes(service: wire.Service, request: HttpRequest) -> Operation | None:
    """The operation as which a request goes on; None where it does not."""
    try:
        found = wire.match(service, request)
        wire.known(found, request)
    except AwsError as refused:
        if refused.status not in (400, 404):
            raise
        return None
    return found


@cache
def rest_operations() -> list[Operation]:
    """Every REST operation but S3's, to which a path is the name of an object."""
    found = index()
    services = [
        wire.load_service(name)
        for name in found.metadata
        if name != "s3" and any(protocol.startswith("rest") for protocol in found.protocols(name))
    ]
    return [s.operation(name) for s in services if s.protocol.startswith("rest") for name in s.operation_names]


def asked(operation: Operation, path: str) -> HttpRequest:
    """A request for the path with what else the operation's template has."""
    return HttpRequest(operation.http_method, path, operation.uri.partition("?")[2], {}, b"")


def filled(operation: Operation, value: Callable[[str], str]) -> list[str]:
    """The segments of the operation's path with values in the place of its labels."""
    parts = operation.uri.partition("?")[0].strip("/").split("/")
    return [quote(value(part), safe="") if part.startswith("{") else part for part in parts]


# How a boundary between two segments is hidden, or made where others see none.
SEPARATORS = ["%2F", "%252f", "%5C", "\\", "//", "/%2E/", "%2F.%2f", ";x/", "/x/..;y/", "%00/"]


@pytest.mark.parametrize("separator", SEPARATORS)
def test_no_path_hides_the_end_of_a_segment(separator: str) -> None:
    """Of each operation: what a server reads that decodes or shortens first, and we as another path."""

    def attacks() -> Iterator[tuple[Operation, str]]:
        for operation in rest_operations():
            parts = filled(operation, lambda _: "name")
            for at in range(1, len(parts)):
                yield operation, f"/{'/'.join(parts[:at])}{separator}{'/'.join(parts[at:])}"

    tried = [(operation, path) for operation, path in attacks()]
    assert len(tried) > 15_000
    went_on = [(o, path) for o, path in tried if passes(o.service, asked(o, path)) is not None]
    assert not went_on, went_on[:5]


# An operation beside these takes all that follows for one name, so that an ARN in them is another one's; they have ids.
BESIDE_GREEDY = ("/v1/brand-profiles/{brandProfileId}/", "/portals/{portalId}/")


def test_names_that_have_one_reading_pass() -> None:
    arn = "arn:aws:thing:us-east-1:123456789012:thing/name/part"
    refused = []
    for operation in rest_operations():
        labels = [part for part in operation.uri.partition("?")[0].split("/") if part.startswith("{")]
        values = ["name", "a;b?c#d+e f", "50% é漢=&..."] if labels else ["name"]
        values += [arn] if "}/{" not in operation.uri and not operation.uri.startswith(BESIDE_GREEDY) else []
        for value in values:
            path = "/" + "/".join(filled(operation, lambda _, value=value: value))  # type: ignore[misc]
            if passes(operation.service, asked(operation, path)) is None:
                refused.append((operation, path))
    assert not refused, "\n".join(f"{o.service.name} {o.http_method} {o.uri}" for o, _ in refused)


def test_an_arn_before_another_name_passes() -> None:
    """Two labels side by side: which slash divides them can be told where the last name has none."""
    arn = quote("arn:aws:connect:us-east-1:123456789012:instance/i", safe="")
    connect = wire.load_service("connect")
    assert passes(connect, HttpRequest("GET", f"/queues/{arn}/q", "", {})) is connect.operation("DescribeQueue")
    assert passes(connect, HttpRequest("GET", f"/queues/{arn}/q%2Fr", "", {})) is None


# (service, method, path as it is sent, what another server may read in it)
CASES = [
    ("lambda", "GET", "/2015-03-31/functions/allowed%2Fpolicy", "GetPolicy of allowed"),
    ("lambda", "GET", "/2015-03-31/functions/allowed%252Fpolicy", "the same, decoded twice"),
    ("lambda", "DELETE", "/2015-03-31/functions/allowed%2Faliases%2Flive", "DeleteAlias"),
    ("lambda", "GET", "/2015-03-31/functions/a%5Caliases%5Cb", "GetAlias, where a backslash is a slash"),
    ("lambda", "GET", "/2015-03-31/functions/allowed/aliases/..%5C..%5Csecret", "GetFunction of secret"),
    ("lambda", "GET", "/2015-03-31/functions/%2E%2E", "GetAccountSettings or nothing"),
    ("lambda", "GET", "/2015-03-31/functions/%252E%252E", "the same, decoded twice"),
    ("lambda", "GET", "/2015-03-31/functions/secret;allowed", "secret, with a parameter"),
    ("lambda", "GET", "/2015-03-31/functions/secret%00allowed", "secret, as C reads it"),
    ("lambda", "GET", "/2015-03-31/functions/a+b", "a b, where a plus is a space"),
    ("lambda", "GET", "/2015-03-31/functions/secret%2F", "secret"),
    ("lambda", "GET", "/2015-03-31/functions/%2Fsecret", "secret"),
    ("lambda", "GET", "/2015-03-31/functions/secre%2574", "secret, decoded twice"),
    ("lambda", "GET", "/2015-03-31/functions/secret%0A", "secret, up to the line's end"),
    ("lambda", "GET", "/2015-03-31/functions/%C0%AE%C0%AE", "dots in an encoding that is none"),
    ("apigateway", "DELETE", "/restapis/allowed%2Fstages%2Fprod", "DeleteStage"),
    ("apigateway", "GET", "/restapis/a/resources/b%2Fmethods%2FGET", "GetMethod"),
    ("route53", "GET", "/2013-04-01/hostedzone/Z1%2Frrset", "ListResourceRecordSets"),
    ("eks", "GET", "/clusters/allowed%2Fnode-groups%2Fx", "DescribeNodegroup"),
    ("eks", "DELETE", "/clusters/c/node-groups/a%2F..%2Fb", "another node group"),
    ("efs", "DELETE", "/2015-02-01/file-systems/fs-1%2fpolicy", "DeleteFileSystemPolicy"),
    ("connect", "GET", "/queues/allowed/instance%2Fq", "the queue q of allowed/instance"),
    ("securityhub", "DELETE", "/insights/a%2F..%2Fb", "another insight"),
]


@pytest.mark.parametrize(("service", "method", "path", "read"), CASES, ids=[case[2] for case in CASES])
def test_what_another_server_reads_is_refused(service: str, method: str, path: str, read: str) -> None:
    assert passes(wire.load_service(service), HttpRequest(method, path, "", {})) is None, read


@pytest.mark.parametrize(
    ("service", "path", "operation"),
    [
        ("lambda", "/2015-03-31/functions/allowed/policy", "GetPolicy"),
        ("lambda", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af", "GetFunction"),
        ("lambda", "/2015-03-31/functions/", "ListFunctions"),
        ("lambda", "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af", "ListTags"),
        ("eks", "/tags/arn%3Aaws%3Aeks%3Aus-east-1%3A123456789012%3Acluster%2Fc", "ListTagsForResource"),
        ("eks", "/clusters/c/node-groups/n", "DescribeNodegroup"),
        ("iot", "/things/a%3Ab", "DescribeThing"),
        ("quicksight", "/accounts/1/namespaces/default/users/role%2Fsession", "DescribeUser"),
        ("quicksight", "/accounts/1/namespaces/default/users/DOMAIN%5Cuser", "DescribeUser"),
        ("securityhub", "/findingAggregator/get/arn:aws:securityhub:r:1:finding-aggregator/x", "GetFindingAggregator"),
    ],
)
def test_what_clients_send_passes(service: str, path: str, operation: str) -> None:
    loaded = wire.load_service(service)
    found = passes(loaded, HttpRequest("GET", path, "", {}))
    assert found is not None and found.name in (operation, f"{operation}Configuration")
