"""What an identity provider tells of a user, too long for any token: a refusal of the asked, not an error of ours.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html has AWS's words for it, at GetDataAccess.
"""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kansatsu.identity.sessions import LONGEST_TOKEN

from . import saml_provider as saml
from . import test_web_identity as web
from .conftest import Gateway
from .raw import LARGE, Keys, document, statement
from .test_tags import code_of

WORDS = "Serialized token too large for session"
LONG = "".join(LARGE)  # 6,144 characters, of which base64 makes 8,192
DENIES = statement("Deny", "sqs:CreateQueue", [f"arn:aws:sqs:*:*:{word}" for word in LARGE[:12]])
NARROW = document(statement("Allow", "sqs:ListQueues"), DENIES)


@pytest.fixture
def issuer(gateway: Gateway, tmp_path: Path) -> web.Issuer:
    return web.Issuer(gateway, tmp_path, f"{gateway.name('idp')}.example")


def refusal(error: ClientError) -> tuple[int, str, str]:
    told = error.response
    return told["ResponseMetadata"]["HTTPStatusCode"], told["Error"]["Code"], told["Error"]["Message"]


def good(gateway: Gateway, got: Any) -> bool:
    keys = Keys(*(got["Credentials"][name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")))
    return len(keys.token or "") <= LONGEST_TOKEN and code_of(gateway.client("sqs", keys).list_queues) == ""


def attempt(gateway: Gateway, role: str, token: str) -> tuple[Any, Any]:
    """The answer, and the refusal: one of the two."""
    try:
        return web.assume(gateway, role, token), None
    except ClientError as error:
        return None, refusal(error)


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": LONG},
        {"aud": LONG, "azp": web.AUDIENCE, "email": LONG},
        {"sub": LONG[:3000], "email": LONG[:3000]},
        {"amr": LONG},
    ],
    ids=["sub", "email", "together", "amr"],
)
def test_attack_a_token_that_makes_none(gateway: Gateway, issuer: web.Issuer, claims: dict[str, Any]) -> None:
    role = issuer.role(statement("Allow", "sqs:*"))["Arn"]
    assert attempt(gateway, role, issuer.token(**claims))[1] == (400, "PackedPolicyTooLarge", WORDS)
    assert good(gateway, web.assume(gateway, role, issuer.token()))


def test_every_length_makes_a_session_or_a_refusal(gateway: Gateway, issuer: web.Issuer) -> None:
    """The longest session there is opens the door like any other."""
    role = issuer.role(statement("Allow", "sqs:*"))["Arn"]
    longest, shortest = 0, len(LONG)  # that fits, that does not
    while shortest - longest > 1:
        length = (longest + shortest) // 2
        got, told = attempt(gateway, role, issuer.token(sub=LONG[:length]))
        if told:
            assert told == (400, "PackedPolicyTooLarge", WORDS)
            shortest = length
        else:
            assert good(gateway, got)
            longest = length
    assert longest > LONGEST_TOKEN / 2


def test_an_assertion_is_not_used_up_by_a_session_that_no_token_holds(gateway: Gateway) -> None:
    provider = saml.Provider(gateway)
    role = provider.role(statement("Allow", "sqs:*"))
    shown = provider.signed(role, subject=LONG[:5000])
    with pytest.raises(ClientError) as caught:
        saml.assume(gateway, provider, role, shown, Policy=NARROW)
    assert refusal(caught.value) == (400, "PackedPolicyTooLarge", WORDS)
    assert good(gateway, saml.assume(gateway, provider, role, shown))
    assert saml.code(gateway, provider, role, shown) == "InvalidIdentityToken", "now it is"
    assert saml.code(gateway, provider, role, provider.signed(role, subject=LONG * 10)) == "PackedPolicyTooLarge"


def test_a_session_near_the_end_of_its_token_is_scoped_down_no_further(gateway: Gateway, issuer: web.Issuer) -> None:
    role = issuer.role(statement("Allow", ["sqs:*", "sts:*"]))["Arn"]
    keys = web.keys_of(web.assume(gateway, role, issuer.token(sub=LONG[:5000])))
    sts = gateway.client("sts", keys)
    with pytest.raises(ClientError) as caught:
        sts.get_scoped_credentials(Policy=NARROW)
    assert refusal(caught.value) == (400, "PackedPolicyTooLarge", WORDS)
    assert good(gateway, sts.get_scoped_credentials(DurationSeconds=900))
