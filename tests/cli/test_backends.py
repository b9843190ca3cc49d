"""Whose credentials each backend gets: those that are meant for it and for its service, and no client's."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from kansatsu.cli import backends
from kansatsu.cli.settings import load
from kansatsu.http import HttpRequest

PROFILES = """
[minio]
aws_access_key_id = AKIAMINIO
aws_secret_access_key = m
[tables]
aws_access_key_id = AKIATABLES
aws_secret_access_key = t
"""


async def seen_keys(flags: dict[str, list[str]], services: list[str]) -> dict[str, Any]:
    """Which access key each service's backend is asked with; `{url}` in a flag is a server here."""
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers["authorization"].partition("Credential=")[2].partition("/")[0])
        return web.Response(text="{}", content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    settings = load({name: [text.format(url=url) for text in texts] for name, texts in flags.items()}, environ={})
    found = {}
    async with AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        route, default, _ = await backends.open_backends(settings.settings, stack)
        for service in services:
            backend = route.get(service, default)
            seen.clear()
            client = {"authorization": "AWS4-HMAC-SHA256 Credential=AKIACLIENT/x", "x-amz-security-token": "CLIENTS"}
            response = await backend.call("1" * 12, "us-east-1", service, HttpRequest("GET", "/", "", client))
            await response.read()
            await response.close()
            found[service] = seen[-1]
    return found


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"backend": ["{url}"]}, {"s3": "AKIAENV", "dynamodb": "AKIAENV"}),
        ({"backend": ["{url}"], "backend-profile": ["minio"]}, {"s3": "AKIAMINIO", "sqs": "AKIAMINIO"}),
        (
            {"backend": ["{url}"], "backend-profile": ["s3=minio", "dynamodb=tables"]},
            {"s3": "AKIAMINIO", "dynamodb": "AKIATABLES", "sqs": "AKIAENV"},
        ),
        (
            {"backend": ["{url}", "dynamodb={url}"], "backend-profile": ["minio", "dynamodb=tables"]},
            {"s3": "AKIAMINIO", "dynamodb": "AKIATABLES"},
        ),
    ],
)
def test_each_service_has_the_credentials_that_are_meant_for_it(
    flags: dict[str, list[str]], expected: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "profiles").write_text(PROFILES)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "profiles"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "e")
    monkeypatch.setattr(
        backends, "_embedded", lambda settings: backends._make(backends._Used("http://127.0.0.1:1", ""), settings)
    )
    given = {**flags, "data-dir": [str(tmp_path)]}
    assert asyncio.run(seen_keys(given, list(expected))) == expected
