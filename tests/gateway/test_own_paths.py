"""Kansatsu's own paths: its health is open to all, its reset to nobody but the tests that it was started for."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Server

from . import raw
from .conftest import Gateway
from .raw import Ask

RESET = Ask("POST", "/_kansatsu/reset")


def test_health_is_open_and_says_nothing_secret(gateway: Gateway) -> None:
    assert json.loads(gateway.send(Ask("GET", "/_kansatsu/health")).body) == {"status": "ok"}
    assert gateway.send(Ask("POST", "/_kansatsu/health")).status == 404


def test_reset_in_test_mode(start_server: Callable[..., Any], data_dir: Path) -> None:
    with start_server(data_dir, "--engine", "none", "--test-mode") as server:
        iam, s3 = server.client("iam"), server.client("s3")
        iam.create_user(UserName="ana")
        key = iam.create_access_key(UserName="ana")["AccessKey"]
        iam.attach_user_policy(UserName="ana", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        ana = server.client("sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
        assert ana.get_caller_identity()["Arn"].endswith("user/ana")
        s3.create_bucket(Bucket="a-bucket")
        for browser in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
            assert ours(server, replace(RESET, headers=browser)) == 403
        assert ours(server, replace(RESET, method="GET")) == 405
        assert len(iam.list_users()["Users"]) == 2
        assert ours(server, RESET) == 200
        assert [user["UserName"] for user in iam.list_users()["Users"]] == ["admin"]
        assert s3.list_buckets()["Buckets"] == []
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            ana.get_caller_identity()
        for client in (iam, s3, ana):
            client.close()


def ours(server: Server, ask: Ask) -> int:
    host, _, port = server.endpoint.removeprefix("http://").partition(":")
    return raw.send((host, int(port)), ask).status
