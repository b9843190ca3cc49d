"""Requests to the metadata service and what it answers, as a table: statuses, headers and bodies of IMDS."""

import json
import re
from dataclasses import replace

import pytest

from kansatsu.workload.views import CredentialError, IamInfo

TTL = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "X-aws-ec2-metadata-token"
PUT_TOKEN = ("PUT", "/latest/api/token")
CREDENTIALS = "/latest/meta-data/iam/security-credentials"
PAGE = r"<\?xml .*<title>{0}</title>.*<h1>{0}</h1>.*"

# (options of the instance, method, target, headers, status, headers of the answer, pattern of its body)
CASES = [
    # Session tokens: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
    ({}, *PUT_TOKEN, {TTL: "21600"}, 200, {TTL: "21600", "Content-Type": "text/plain"}, r"[A-Za-z0-9_-]{56}"),
    ({}, *PUT_TOKEN, {TTL: "1"}, 200, {TTL: "1"}, r"[A-Za-z0-9_-]{56}"),
    ({}, "PUT", "//latest//api/token/", {TTL: "60"}, 200, {}, r"[A-Za-z0-9_-]{56}"),
    *(({}, *PUT_TOKEN, {TTL: bad}, 400, {}, PAGE.format("400 - Bad Request"))
      for bad in ("0", "21601", "-1", "", "abc", "1e3", "0021600999", "99999999999", "²")),
    ({}, *PUT_TOKEN, {}, 400, {}, PAGE.format("400 - Bad Request")),
    ({}, *PUT_TOKEN, {TTL: "60", "X-Forwarded-For": "10.0.0.1"}, 403, {}, PAGE.format("403 - Forbidden")),
    ({}, *PUT_TOKEN, {TTL: "60", "x-forwarded-for": ""}, 403, {}, PAGE.format("403 - Forbidden")),
    ({}, "PUT", "/2021-03-23/api/token", {TTL: "60"}, 403, {}, PAGE.format("403 - Forbidden")),
    ({}, "GET", "/latest/api/token", {}, 405, {"Allow": "OPTIONS, PUT"}, PAGE.format("405 - Method Not Allowed")),
    ({}, "POST", "/latest/api/token", {TTL: "60"}, 405, {"Allow": "OPTIONS, PUT"}, ".*"),
    ({}, "DELETE", "/latest/meta-data/", {}, 405, {"Allow": "GET, HEAD"}, ".*"),
    ({"http_endpoint": "disabled"}, *PUT_TOKEN, {TTL: "60"}, 403, {}, ".*"),
    ({"http_endpoint": "disabled"}, "GET", "/latest/meta-data/", {}, 403, {}, ".*"),
    # Tokenless requests, where the instance allows them
    ({"http_tokens": "required"}, "GET", "/latest/meta-data/", {}, 401, {}, PAGE.format("401 - Unauthorized")),
    ({"http_tokens": "required"}, "GET", "/", {}, 401, {}, ".*"),
    ({"http_tokens": "required"}, "GET", "/nowhere", {}, 401, {}, ".*"),
    ({}, "GET", "/latest/meta-data/", {TOKEN: ""}, 401, {}, ".*"),
    ({}, "GET", "/latest/meta-data/", {TOKEN: "A" * 56}, 401, {}, ".*"),
    ({}, "GET", "/latest/meta-data/", {TOKEN: "é" * 56}, 401, {}, ".*"),
    # Paths that clients really ask
    ({}, "GET", "/latest/meta-data/instance-id", {}, 200,
     {"Server": "EC2ws", "Content-Type": "text/plain", "Accept-Ranges": "none", "Connection": "close",
      "Last-Modified": "Fri, 30 Jan 2026 08:30:00 GMT"}, "i-0123456789abcdef0"),
    ({}, "GET", "/latest/meta-data/instance-id/", {}, 200, {}, "i-0123456789abcdef0"),
    ({}, "GET", "/latest/meta-data/instance-id?x=1", {}, 200, {}, "i-0123456789abcdef0"),
    ({}, "GET", "/2009-04-04/meta-data/instance-id", {}, 200, {}, "i-0123456789abcdef0"),
    ({}, "GET", "/2021-03-23/meta-data/instance-id", {}, 200, {}, "i-0123456789abcdef0"),
    ({}, "GET", "//latest//meta-data//instance-id", {}, 200, {}, "i-0123456789abcdef0"),
    ({}, "GET", "/1999-01-01/meta-data/instance-id", {}, 404, {}, PAGE.format("404 - Not Found")),
    ({}, "GET", "/latest/meta-data/instance-id/deeper", {}, 404, {}, ".*"),
    ({}, "GET", "/latest/meta-data/../meta-data/instance-id", {}, 404, {}, ".*"),
    ({}, "GET", "/", {}, 200, {}, r"1\.0\n.*2021-03-23\n.*latest"),
    ({}, "GET", "/latest", {}, 200, {}, r"dynamic\nmeta-data"),
    ({}, "GET", "/latest/user-data", {}, 404, {}, ".*"),
    ({}, "GET", "/latest/meta-data/placement", {}, 200, {}, r"availability-zone\navailability-zone-id\nregion"),
    ({}, "GET", "/latest/meta-data/placement/region", {}, 200, {}, "us-east-1"),
    ({}, "GET", "/latest/meta-data/security-groups", {}, 200, {}, "default\nweb"),
    ({}, "GET", "/latest/meta-data/services/domain", {}, 200, {}, "amazonaws.com"),
    ({}, "GET", "/latest/meta-data/network/interfaces/macs/", {}, 200, {}, "02:00:0a:00:00:07/"),
    ({}, "GET", "/latest/meta-data/tags/instance", {}, 200, {}, "Name\na=b\nempty"),
    ({}, "GET", "/latest/meta-data/tags/instance/a=b", {}, 200, {}, "equals"),
    ({}, "GET", "/latest/meta-data/tags/instance/cost%20center", {}, 404, {}, ".*"),
    ({"instance_metadata_tags": "disabled"}, "GET", "/latest/meta-data/tags/", {}, 404, {}, ".*"),
    # The role
    ({}, "GET", "/latest/meta-data/iam/", {}, 200, {}, "info\nsecurity-credentials/"),
    ({}, "GET", CREDENTIALS, {}, 200, {}, "YourNewRole"),
    ({}, "GET", f"{CREDENTIALS}/", {}, 200, {}, "YourNewRole"),
    ({}, "GET", f"{CREDENTIALS}//YourNewRole", {}, 200, {"Content-Type": "text/plain"}, r'\{\n  "Code" .*'),
    ({}, "GET", f"{CREDENTIALS}/AnotherRole", {}, 404, {}, ".*"),
    # No header decides who is asking
    ({}, "GET", "/latest/meta-data/instance-id", {"Host": "evil.example", "X-Forwarded-For": "10.9.9.9"}, 200, {},
     "i-0123456789abcdef0"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "method", "target", "headers", "status", "expected", "body"), CASES)
async def test_transcript(bench, instance, options, method, target, headers, status, expected, body):
    instance.options = replace(instance.options, **options)
    answer = await (await bench.serve(instance))(method, target, headers)
    assert answer.status == status
    assert {name: answer.headers.get(name.lower()) for name in expected} == expected
    assert re.fullmatch(body, answer.text, re.DOTALL)
    assert answer.headers["server"] == "EC2ws"
    assert answer.headers["connection"] == "close"


async def test_credentials_document(bench, instance):
    ask = await bench.serve(instance)
    assert (await ask("GET", f"{CREDENTIALS}/YourNewRole")).text == (
        '{\n  "Code" : "Success",\n  "LastUpdated" : "2026-01-31T12:00:00Z",\n  "Type" : "AWS-HMAC",\n'
        '  "AccessKeyId" : "ASIA10EXAMPLE",\n  "SecretAccessKey" : "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",\n'
        '  "Token" : "token-1.0",\n  "Expiration" : "2026-01-31T13:00:00Z"\n}'
    )
    assert json.loads((await ask("GET", "/latest/meta-data/iam/info")).text) == {
        "Code": "Success",
        "LastUpdated": "2026-01-31T12:00:00Z",
        "InstanceProfileArn": "arn:aws:iam::123456789012:instance-profile/P",
        "InstanceProfileId": "AIPAEXAMPLE0000000001",
    }


async def test_with_a_token_the_other_set_of_credentials_is_served(bench, instance):
    """ec2:RoleDelivery tells the two apart, so they are never mixed."""
    ask = await bench.serve(instance)
    token = (await ask(*PUT_TOKEN, {TTL: "300"})).text
    answer = await ask("GET", f"{CREDENTIALS}/YourNewRole", {TOKEN: token})
    assert json.loads(answer.text)["AccessKeyId"] == "ASIA20EXAMPLE"
    assert answer.headers[TTL.lower()] == "300"


async def test_token_lives_as_long_as_it_was_asked_for(bench, instance):
    ask = await bench.serve(instance)
    token = (await ask(*PUT_TOKEN, {TTL: "60"})).text
    bench.clock.advance(seconds=59)
    answer = await ask("GET", "/latest/meta-data/mac", {TOKEN: token})
    assert (answer.status, answer.headers[TTL.lower()]) == (200, "1")
    bench.clock.advance(seconds=1)
    assert (await ask("GET", "/latest/meta-data/mac", {TOKEN: token})).status == 401


async def test_token_of_another_instance_is_refused(bench, instance, make_instance):
    """The attack: a token is stolen from one instance and replayed on another."""
    victim = make_instance(id="i-0fedcba9876543210", options=instance.options)
    thief, robbed = await bench.serve(instance), await bench.serve(victim)
    token = (await thief(*PUT_TOKEN, {TTL: "60"})).text
    assert (await thief("GET", "/latest/meta-data/instance-id", {TOKEN: token})).text == instance.id
    assert (await robbed("GET", "/latest/meta-data/instance-id", {TOKEN: token})).status == 401


async def test_two_instances_on_two_listeners_are_two_identities(bench, instance, make_instance):
    other = make_instance(id="i-0fedcba9876543210", options=instance.options)
    first, second = await bench.serve(instance), await bench.serve(other)
    headers = {"Host": f"127.0.0.1:{first.address[1]}", "X-Forwarded-For": instance.id}
    assert (await second("GET", "/latest/meta-data/instance-id", headers)).text == other.id


@pytest.mark.parametrize(("minutes", "status"), [(60, 200), (15, 200), (5, 200), (4.99, 404), (0, 404), (-60, 404)])
async def test_credentials_about_to_die_are_withheld(bench, instance, make_credentials, caplog, minutes, status):
    instance.states = {"1.0": make_credentials(minutes=minutes)}
    answer = await (await bench.serve(instance))("GET", f"{CREDENTIALS}/YourNewRole")
    assert answer.status == status
    assert (b"SecretAccessKey" in answer.body) == (status == 200)
    assert ("withheld" in caplog.text) == (status == 404)
    assert "wJalr" not in caplog.text


async def test_no_association_is_404_in_the_whole_subtree(bench, instance):
    instance.info, instance.states = None, {}
    ask = await bench.serve(instance)
    for path in ("iam", "iam/", "iam/info", "iam/security-credentials/", "iam/security-credentials/YourNewRole"):
        assert (await ask("GET", f"/latest/meta-data/{path}")).status == 404
    assert "iam" not in (await ask("GET", "/latest/meta-data/")).text


# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html
@pytest.mark.parametrize(
    ("info", "state", "expected_info", "expected_credentials"),
    [
        (("InstanceProfileNotFound", "gone"), ("InstanceProfileNotFound", "gone", ""), "InstanceProfileNotFound", None),
        (("Success", "Instance Profile does not contain a role."), ("Success", "x", ""), "Success", None),
        (("Success", ""), ("AssumeRoleUnauthorizedAccess", "EC2 cannot assume the role R.", "R"), "Success",
         "AssumeRoleUnauthorizedAccess"),
    ],
)  # fmt: skip
async def test_why_there_are_no_credentials(bench, instance, info, state, expected_info, expected_credentials):
    instance.info = IamInfo(info[0], instance.info.last_updated, message=info[1])
    instance.states = {"1.0": CredentialError(*state, instance.info.last_updated)}
    ask = await bench.serve(instance)
    assert json.loads((await ask("GET", "/latest/meta-data/iam/info")).text)["Code"] == expected_info
    answer = await ask("GET", f"{CREDENTIALS}/R")
    assert (json.loads(answer.text)["Code"] if answer.status == 200 else None) == expected_credentials


async def test_changes_show_at_the_next_request(bench, instance, make_credentials):
    ask = await bench.serve(instance)
    assert (await ask("GET", CREDENTIALS)).text == "YourNewRole"
    instance.states = {"1.0": replace(make_credentials(), role_name="Replacement")}
    assert (await ask("GET", CREDENTIALS)).text == "Replacement"


async def test_user_data_is_served_as_it_is(bench, instance):
    instance.facts = replace(instance.facts, user_data=b"#!/bin/sh\n\xff\x00")
    answer = await (await bench.serve(instance))("GET", "/latest/user-data")
    assert (answer.body, answer.headers["content-type"]) == (b"#!/bin/sh\n\xff\x00", "application/octet-stream")


async def test_head_has_headers_only(bench, instance):
    answer = await (await bench.serve(instance))("HEAD", "/latest/meta-data/instance-id")
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "19", b"")
