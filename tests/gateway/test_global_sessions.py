"""Sessions of STS's global endpoint are good in the Regions that SetSecurityTokenServicePreferences says.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
"""

import re
from urllib.parse import urlencode

import pytest

from .conftest import SECOND, Gateway
from .raw import Ask, Got, Keys
from .test_delegated_sessions import Partner, handed
from .test_token_sessions import ALL, code, token


def ask(gateway: Gateway, user: Keys, **asked: str) -> Got:
    """What the global endpoint of STS answers, which has no Region in its name."""
    body = urlencode({"Version": "2011-06-15", **asked}).encode()
    headers = {"host": "sts.amazonaws.com", "content-type": "application/x-www-form-urlencoded"}
    return gateway.ask(Ask("POST", headers=headers, body=body), user, "sts")


def globally(gateway: Gateway, user: Keys, **asked: str) -> Keys:
    """The session that it gives."""
    got = ask(gateway, user, **asked).body.decode()
    parts = (re.search(f"<{name}>([^<]+)<", got) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    return Keys(*(found[1] for found in parts if found is not None))


def test_tokens_of_the_global_endpoint_are_good_where_their_version_says(gateway: Gateway) -> None:
    user = gateway.user(ALL)
    role = gateway.role(ALL)["Arn"]
    asks = ({"Action": "GetSessionToken"}, {"Action": "AssumeRole", "RoleArn": role, "RoleSessionName": "session"})

    def told(session: Keys) -> list[str]:
        regions = ("us-east-1", "eu-central-1", "ap-east-1", "me-south-1")
        return [code(gateway.client("sqs", session, region_name=region).list_queues) for region in regions]

    first = [globally(gateway, user, **asked) for asked in asks]
    assert [told(one) for one in first] == [["", "", *2 * ["InvalidClientTokenId"]]] * 2
    assert told(token(gateway, user)) == [""] * 4, "of an endpoint of a Region"
    try:
        gateway.iam.set_security_token_service_preferences(GlobalEndpointTokenVersion="v2Token")
        assert [told(globally(gateway, user, **asked)) for asked in asks] == [[""] * 4] * 2
        assert told(first[0])[2] == "InvalidClientTokenId", "a token stays what it is"
        longer = [len(globally(gateway, user, **asked).token) for asked in asks]
        assert all(new > len(old.token) for new, old in zip(longer, first, strict=True)), "as AWS says of version 2"
    finally:
        gateway.iam.set_security_token_service_preferences(GlobalEndpointTokenVersion="v1Token")


@pytest.mark.parametrize("operation", ["AssumeRoot", "GetWebIdentityToken"])
def test_what_the_global_endpoint_does_not_have(gateway: Gateway, operation: str) -> None:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoot.html, .../API_GetWebIdentityToken.html"""
    asked = {
        "AssumeRoot": {
            "TargetPrincipal": SECOND,
            "TaskPolicyArn.arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials",
        },
        "GetWebIdentityToken": {"Audience.member.1": "https://api.example", "SigningAlgorithm": "RS256"},
    }[operation]
    got = ask(gateway, gateway.user(ALL), Action=operation, **asked)
    assert (got.status, got.code) == (400, "InvalidAction")


def test_a_partner_s_token_is_good_where_its_version_says(gateway: Gateway) -> None:
    partner = Partner(gateway)
    token = handed(partner, gateway.user(ALL), partner.ask())
    session = globally(gateway, gateway.stranger, Action="GetDelegatedAccessToken", TradeInToken=token)
    regions = ("us-east-1", "ap-east-1")
    told = [code(gateway.client("sqs", session, region_name=region).list_queues) for region in regions]
    assert told == ["AccessDenied", "InvalidClientTokenId"], "nothing of SQS is lent"
