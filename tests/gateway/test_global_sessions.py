"""Sessions of STS's global endpoint are good in the Regions that SetSecurityTokenServicePreferences says.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
"""

import re
from urllib.parse import urlencode

from .conftest import Gateway
from .raw import Ask, Keys
from .test_token_sessions import ALL, code, token


def globally(gateway: Gateway, user: Keys, **asked: str) -> Keys:
    """A session that the global endpoint of STS gives, which has no Region in its name."""
    body = urlencode({"Version": "2011-06-15", **asked}).encode()
    headers = {"host": "sts.amazonaws.com", "content-type": "application/x-www-form-urlencoded"}
    got = gateway.ask(Ask("POST", headers=headers, body=body), user, "sts").body.decode()
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
    finally:
        gateway.iam.set_security_token_service_preferences(GlobalEndpointTokenVersion="v1Token")
