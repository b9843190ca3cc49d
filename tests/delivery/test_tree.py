"""The tree has no dead ends: whatever a listing names resolves, and nothing that a client sends is a server error."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.delivery.messages import Request
from kansatsu.delivery.tree import VERSIONS
from kansatsu.workload.views import InstanceFacts, MetadataOptions


async def crawl(ask, base: str, seen: dict[str, bytes]) -> None:
    """As cloud-init does: every line of a listing is asked; a trailing slash is a directory; N=key is a public key."""
    listing = await ask("GET", base)
    assert listing.status == 200, base
    for name in listing.text.splitlines():
        if name.endswith("/"):
            await crawl(ask, base + name, seen)
        else:
            path = base + (f"{name.split('=')[0]}/openssh-key" if "public-keys" in base else name)
            answer = await ask("GET", path)
            assert answer.status == 200, path
            seen[path] = answer.body


@pytest.mark.parametrize("version", ["latest", VERSIONS[0], "2009-04-04"])
async def test_every_listed_path_resolves(bench, instance, version):
    facts = {
        "key_name": "my=key",
        "public_key": "ssh-ed25519 AAAA",
        "public_ipv4": "203.0.113.7",
        "public_hostname": "ec2.example",
        "host_id": "h-1",
        "subnet_cidr": "10.0.0.0/24",
        "user_data": b"#cloud-config",
    }
    instance.facts = replace(instance.facts, **facts)
    ask, seen = await bench.serve(instance), {}
    for tree in ("meta-data/", "dynamic/"):
        await crawl(ask, f"/{version}/{tree}", seen)
    names = {path.removeprefix(f"/{version}/meta-data/") for path in seen}
    mac = "network/interfaces/macs/02:00:0a:00:00:07/"
    assert {
        "ami-id", "ami-launch-index", "hostname", "instance-id", "instance-type", "local-hostname", "local-ipv4", "mac",
        "placement/availability-zone", "placement/availability-zone-id", "placement/host-id", "placement/region",
        "public-hostname", "public-ipv4", "public-keys/0/openssh-key", "reservation-id", "security-groups",
        "services/domain", "services/partition", "tags/instance/Name", "block-device-mapping/ami", "profile",
        "iam/info", "iam/security-credentials/YourNewRole", f"{mac}subnet-id", f"{mac}vpc-ipv4-cidr-blocks",
    } <= names  # fmt: skip
    assert (await ask("GET", f"/{version}/")).text.splitlines() == ["dynamic", "meta-data", "user-data"]


async def test_an_instance_that_knows_little_of_itself_has_no_dead_ends_either(bench, make_instance, instance):
    bare = InstanceFacts("ami-1", "t3.nano", "", "", "", "us-east-1a", instance.facts.launch_time)
    seen = {}
    unknown = make_instance(facts=bare, options=MetadataOptions(http_tokens="optional"))
    await crawl(await bench.serve(unknown), "/latest/meta-data/", seen)
    assert not [path for path in seen if "network" in path or "tags" in path or "iam" in path]


async def test_every_version_listed_is_served(bench, instance):
    ask = await bench.serve(instance)
    for version in (await ask("GET", "/")).text.splitlines():
        assert (await ask("GET", f"/{version}/meta-data/instance-id")).text == instance.id


METHODS = st.sampled_from(["GET", "HEAD", "PUT", "POST", "OPTIONS", "PATCH"])
PARTS = ["latest", "api", "token", "meta-data", "iam", "security-credentials", "tags", "%2e%2e", "%ff", "%", "", "?"]
TARGETS = st.one_of(st.text(), st.lists(st.sampled_from(PARTS) | st.text(max_size=4)).map(lambda p: "/" + "/".join(p)))
NAMES = st.sampled_from(["x-aws-ec2-metadata-token", "x-aws-ec2-metadata-token-ttl-seconds", "x-forwarded-for", "host"])


@given(METHODS, TARGETS, st.dictionaries(NAMES, st.text(st.characters(max_codepoint=255))))
def test_any_request_has_an_answer(make_bench, make_instance, method, target, headers):
    """Never an exception, so never a 500; and nothing of another host's name is answered on loopback."""
    bench, request = make_bench(), Request(method, target, headers)
    instance = make_instance(options=MetadataOptions(http_tokens="optional"))
    assert bench.metadata.respond(request, instance).status in (200, 400, 401, 403, 404, 405)
    local = Request(method, target, {**headers, "host": "127.0.0.1:1"})
    hosts = frozenset({"127.0.0.1:1"})
    assert bench.containers.respond(local, lambda _: None, hosts, True).status in (400, 404, 405)
    rebound = Request(method, target, {**headers, "host": "evil.example:1"})
    assert bench.containers.respond(rebound, lambda _: None, hosts, True).status == 403


async def test_bytes_that_are_no_http_are_refused(bench, instance, raw):
    ask = await bench.serve(instance)
    for junk in (
        b"\x16\x03\x01\x00\xa5\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nA B: c\r\n\r\n",
    ):
        assert (await raw(ask.address, junk)).status == 400
    too_long = await raw(ask.address, b"GET / HTTP/1.1\r\nA: " + b"a" * 65536)
    assert too_long.status == 413
    assert (await asyncio.gather(*(ask("GET", "/latest/meta-data/mac") for _ in range(20))))[0].status == 200
