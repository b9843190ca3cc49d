"""What the console's pages may call and fetch: operations of AWS as their user, files of the build, nothing else."""

import gzip
from typing import Any

import pytest

from kansatsu.console import files, guard

from .browser import PATH, Browser, MovedClock
from .conftest import Gateway
from .raw import Ask


def nested(levels: int) -> Any:
    value: Any = {"S": "x"}
    for _ in range(levels):
        value = {"M": {"a": value}}
    return value


BAD_CALLS: tuple[tuple[str, str, Any, str], ...] = (
    ("nothing", "GetUser", {}, "InvalidAction"),
    ("iam", "Nothing", {}, "InvalidAction"),
    ("../iam", "GetUser", {}, "InvalidAction"),
    ("iam", "GetUser", {"Nope": 1}, "ValidationError"),
    ("iam", "GetUser", {"UserName": 1}, "ValidationError"),
    ("iam", "GetUser", [], "ValidationError"),
    ("iam", "CreateRole", {"RoleName": "r"}, "ValidationError"),
    ("iam", "TagUser", {"UserName": "u", "Tags": "t"}, "ValidationError"),
    ("iam", "TagUser", {"UserName": "u", "Tags": [{"Key": "k", "Value": None}]}, "ValidationError"),
    ("iam", "ListUsers", {"MaxItems": True}, "ValidationError"),
    ("iam", "CreateLoginProfile", {"UserName": "u", "PasswordResetRequired": "yes"}, "ValidationError"),
    ("iam", "GetUser", {"UserName": "no such user"}, "ValidationError"),
    ("kms", "Decrypt", {"CiphertextBlob": "%%"}, "ValidationError"),
    ("s3", "GetObject", {"Bucket": "b", "Key": "k"}, "NotImplemented"),
    ("iam", "GetUser", {"UserName": "x" * 9999}, "ValidationError"),
    *(
        ("cloudtrail", "LookupEvents", {"StartTime": time}, "ValidationError")
        for time in ("x", "nan", "9999-99-99", "0001-01-01T00:00:00+14:00", 1)
    ),
    ("dynamodb", "PutItem", {"TableName": "t", "Item": {"a": nested(300)}}, "ValidationError"),
    ("dynamodb", "PutItem", {"TableName": "t", "Item": {"a": nested(60)}}, "ResourceNotFoundException"),
)


@pytest.mark.parametrize(("service", "operation", "parameters", "code"), BAD_CALLS)
def test_bad_calls(admin_page: Browser, service: str, operation: str, parameters: Any, code: str) -> None:
    said = admin_page.ask("api/call", {"service": service, "operation": operation, "parameters": parameters})
    assert (said.code, said.status) == (code, 501 if code == "NotImplemented" else 400)
    assert said.body["message"]


@pytest.mark.parametrize(
    "region",
    ["../../evil", "us-east-1/s3", "evil.com/", "us-east-1@evil.com", "us-east-1\r\nx-evil: 1", "\U0001f389", 1],
)
def test_a_region_is_a_word(admin_page: Browser, region: Any) -> None:
    call = {"service": "sqs", "operation": "ListQueues", "parameters": {}, "region": region}
    assert admin_page.ask("api/call", call).code == "ValidationError"


@pytest.mark.parametrize("time", ["2026-11-27", "2026-11-27T10:00:00Z", "2026-11-27T10:00:00.5+09:00"])
def test_times_are_in_iso_8601(admin_page: Browser, time: str) -> None:
    assert "Events" in admin_page.call("cloudtrail", "LookupEvents", StartTime=time).result


@pytest.fixture(scope="module")
def admin_page(gateway: Gateway) -> Browser:
    page = Browser(gateway, gateway.console(MovedClock()))
    page.sign_in(accessKeyId=gateway.admin.id, secretAccessKey=gateway.admin.secret)
    return page


def test_blobs_times_and_every_protocol_go_both_ways(gateway: Gateway, admin_page: Browser) -> None:
    key = admin_page.call("kms", "CreateKey").result["KeyMetadata"]
    assert key["CreationDate"].startswith("20")
    sealed = admin_page.call("kms", "Encrypt", KeyId=key["KeyId"], Plaintext="aGVsbG8=").result["CiphertextBlob"]
    assert admin_page.call("kms", "Decrypt", CiphertextBlob=sealed).result["Plaintext"] == "aGVsbG8="
    assert "Reservations" in admin_page.call("ec2", "DescribeInstances").result
    bucket = gateway.bucket()
    assert bucket in [one["Name"] for one in admin_page.call("s3", "ListBuckets").result["Buckets"]]


# ---- files, and the socket ------------------------------------------------------------------------------------------


def over_socket(gateway: Gateway, path: str, method: str = "GET", **headers: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.send(Ask(method, path, headers={"host": gateway.host, **sent}))


def test_the_page_and_its_files_come_with_their_guards(gateway: Gateway) -> None:
    page = over_socket(gateway, PATH)
    assert page.status == 200 and b"<script" in page.body
    asset = next(name for name in files._table() if name.startswith("assets/") and name.endswith(".js"))
    script = over_socket(gateway, PATH + asset, accept_encoding="gzip")
    assert script.headers["content-encoding"] == "gzip"
    assert gzip.decompress(script.body) == (files.DIRECTORY / asset).read_bytes()
    assert (page.headers["cache-control"], "immutable" in script.headers["cache-control"]) == ("no-cache", True)
    for got in (page, script):
        assert {name: got.headers[name] for name, _ in guard.HEADERS} == dict(guard.HEADERS)
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy and "script-src 'self'" in policy
    assert over_socket(gateway, PATH, if_none_match=page.headers["etag"]).status == 304
    assert over_socket(gateway, PATH.rstrip("/")).headers["location"] == PATH


@pytest.mark.parametrize(
    "path",
    ["../app.py", "..%2fguard.py", "%2e%2e/guard.py", "assets/../../guard.py", "/etc/passwd", "assets/",
     "index.html%00",
     "..%5cguard.py", "assets//..//..//site.py", "nothing"],
)  # fmt: skip
def test_no_path_leads_out_of_the_build(gateway: Gateway, path: str) -> None:
    assert over_socket(gateway, PATH + path).status == 404


def test_the_cookie_is_nothing_on_aws_paths(gateway: Gateway) -> None:
    console = gateway.console(gateway.clock)
    page = Browser(gateway, console)
    page.sign_in(accessKeyId=gateway.admin.id, secretAccessKey=gateway.admin.secret)
    cookie = {"cookie": f"kansatsu-console={page.cookie}", "x_kansatsu_console": page.word}
    form = {"content_type": "application/x-www-form-urlencoded", **cookie}
    asked = Ask("POST", "/", headers={"host": gateway.host}, body=b"Action=ListUsers&Version=2010-05-08")
    assert gateway.send(asked.having(**form)).status == 403
    assert over_socket(gateway, "/", **cookie).status == 403


def test_a_large_body_is_refused_before_it_is_read(gateway: Gateway) -> None:
    asked = Ask("POST", PATH + "api/session", headers={"host": gateway.host}, body=b"x" * (1024 * 1024 + 1))
    assert gateway.send(asked).status == 413
