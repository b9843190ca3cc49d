"""botocore itself as the client: what it asks, it must get."""

import asyncio

import pytest
from botocore.exceptions import MetadataRetrievalError
from botocore.utils import ContainerMetadataFetcher, InstanceMetadataFetcher

from kansatsu.workload.views import CredentialError

pytestmark = pytest.mark.usefixtures("without_proxy")


async def fetch(base_url: str) -> dict[str, str]:
    fetcher = InstanceMetadataFetcher(timeout=60, num_attempts=1, base_url=base_url)
    return await asyncio.to_thread(fetcher.retrieve_iam_role_credentials)


@pytest.mark.parametrize(("http_tokens", "key"), [("required", "ASIA20EXAMPLE"), ("optional", "ASIA20EXAMPLE")])
async def test_instance_credentials(bench, instance, make_bench, http_tokens, key):
    instance.options = type(instance.options)(http_tokens=http_tokens)
    host, port = (await bench.serve(instance)).address
    got = await fetch(f"http://{host}:{port}/")
    assert (got["role_name"], got["access_key"], got["token"]) == ("YourNewRole", key, "token-2.0")


async def test_instance_credentials_under_the_secret_path(bench, process):
    host, port = (await bench.serve_processes(process)).address
    assert (await fetch(f"http://{host}:{port}/{process.id}/"))["access_key"] == "ASIA20EXAMPLE"
    assert await fetch(f"http://{host}:{port}/") == {}


async def test_no_role_and_a_role_that_refuses_are_no_credentials(bench, instance):
    host, port = (await bench.serve(instance)).address
    instance.states = {"2.0": CredentialError("AssumeRoleUnauthorizedAccess", "no", "YourNewRole", bench.clock.now())}
    assert await fetch(f"http://{host}:{port}/") == {}
    instance.info, instance.states = None, {}
    assert await fetch(f"http://{host}:{port}/") == {}


async def test_container_credentials(bench, process):
    host, port = (await bench.serve_processes(process)).address
    url, fetcher = f"http://{host}:{port}/v2/credentials/{process.id}", ContainerMetadataFetcher(sleep=lambda _: None)
    got = await asyncio.to_thread(fetcher.retrieve_full_uri, url, {"Authorization": process.authorization})
    assert got["AccessKeyId"] == "ASIA20EXAMPLE"
    with pytest.raises(MetadataRetrievalError, match="401"):
        await asyncio.to_thread(fetcher.retrieve_full_uri, url)
