"""OpenID Connect providers: made, shown, changed without fuss, limited, deleted."""

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import ACCOUNT, NOW

Refused = Callable[..., str]
URL = "https://idp.example/tenant"
ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/idp.example/tenant"
THUMB = "a" * 40


def test_a_provider_lives_and_dies(iam: Any, refused: Refused) -> None:
    named = {"OpenIDConnectProviderArn": ARN}
    tags = [{"Key": "k", "Value": "v"}]
    made = iam.create_open_id_connect_provider(Url=URL, ClientIDList=["one", "one"], ThumbprintList=[THUMB], Tags=tags)
    assert (made["OpenIDConnectProviderArn"], made["Tags"]) == (ARN, tags)
    refused("EntityAlreadyExists", iam.create_open_id_connect_provider, Url=URL)
    for _ in range(2):
        iam.add_client_id_to_open_id_connect_provider(**named, ClientID="two")
    iam.update_open_id_connect_provider_thumbprint(**named, ThumbprintList=["b" * 40])
    got = iam.get_open_id_connect_provider(**named)
    assert {key: got[key] for key in ("Url", "ClientIDList", "ThumbprintList", "CreateDate", "Tags")} == {
        "Url": "idp.example/tenant",
        "ClientIDList": ["one", "two"],
        "ThumbprintList": ["b" * 40],
        "CreateDate": NOW.replace(microsecond=0),
        "Tags": tags,
    }
    for _ in range(2):
        iam.remove_client_id_from_open_id_connect_provider(**named, ClientID="one")
    assert iam.get_open_id_connect_provider(**named)["ClientIDList"] == ["two"]
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": ARN}]
    assert iam.get_account_summary()["SummaryMap"]["Providers"] == 1
    iam.untag_open_id_connect_provider(**named, TagKeys=["k"])
    assert iam.list_open_id_connect_provider_tags(**named)["Tags"] == []
    for _ in range(2):
        iam.delete_open_id_connect_provider(**named)
    refused("NoSuchEntity", iam.get_open_id_connect_provider, **named)
    refused("NoSuchEntity", iam.add_client_id_to_open_id_connect_provider, **named, ClientID="x")


@pytest.mark.parametrize(
    "url", ["http://idp.example", "https://idp.example?x=1", "https://idp.example:8443", "idp.example"]
)
def test_what_is_no_url_of_a_provider(iam: Any, refused: Refused, url: str) -> None:
    refused("InvalidInput", iam.create_open_id_connect_provider, Url=url)


def test_there_is_no_identity_center_to_associate(iam: Any, refused: Refused) -> None:
    center = {"IdentityCenterInstanceArn": "arn:aws:sso:::instance/ssoins-1234567890abcdef"}
    refused("InvalidInput", iam.create_open_id_connect_provider, Url=URL, **center)
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    iam.create_open_id_connect_provider(Url=URL)
    for asked in (center, center | {"RemoveIdentityCenterInstance": True}, {"RemoveIdentityCenterInstance": True}):
        refused("InvalidInput", iam.update_open_id_connect_provider, OpenIDConnectProviderArn=ARN, **asked)


def test_limits(iam: Any, refused: Refused) -> None:
    many = [f"client-{number}" for number in range(101)]
    refused("LimitExceeded", iam.create_open_id_connect_provider, Url=URL, ClientIDList=many)
    iam.create_open_id_connect_provider(Url=URL, ClientIDList=many[:100])
    named = {"OpenIDConnectProviderArn": ARN}
    refused("LimitExceeded", iam.add_client_id_to_open_id_connect_provider, **named, ClientID="x")
    for number in range(99):
        iam.create_open_id_connect_provider(Url=f"https://idp-{number}.example")
    refused("LimitExceeded", iam.create_open_id_connect_provider, Url="https://idp-99.example")
