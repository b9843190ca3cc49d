"""What AWS's SDKs do not sign: sign-up and sign-in of an application's users, and where a service is to be asked."""

from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError

from kansatsu import wire

from . import raw
from .conftest import Gateway
from .raw import REGION, Ask, statement
from .test_resource_policies import refused

TARGET = "AWSCognitoIdentityProviderService."
# https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flows-public-server-side.html and the pages
# of the operations: "Amazon Cognito doesn't evaluate Identity and Access Management (IAM) policies in requests".
USERS = {
    "SignUp", "ConfirmSignUp", "ResendConfirmationCode", "InitiateAuth", "RespondToAuthChallenge", "ForgotPassword",
    "ConfirmForgotPassword", "GetUser", "ChangePassword", "DeleteUser", "GlobalSignOut", "RevokeToken",
    "UpdateUserAttributes", "VerifyUserAttribute", "AssociateSoftwareToken", "VerifySoftwareToken",
    "SetUserMFAPreference", "ListDevices", "GetTokensFromRefreshToken",
}  # fmt: skip


@pytest.fixture(scope="module")
def pool(gateway: Gateway) -> dict[str, str]:
    cognito = gateway.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="pool")["UserPool"]["Id"]
    flows = ["ALLOW_USER_PASSWORD_AUTH"]
    made = cognito.create_user_pool_client(UserPoolId=pool, ClientName="c", ExplicitAuthFlows=flows)["UserPoolClient"]
    return {"pool": pool, "client": made["ClientId"]}


def test_a_user_signs_up_and_in_without_a_signature(gateway: Gateway, pool: dict[str, str]) -> None:
    user: Any = gateway.client("cognito-idp", signature_version=UNSIGNED)
    user.sign_up(ClientId=pool["client"], Username="jane", Password="Passw0rd!for-jane")
    user.confirm_sign_up(ClientId=pool["client"], Username="jane", ConfirmationCode="123456")
    secret = {"USERNAME": "jane", "PASSWORD": "Passw0rd!for-jane"}
    signed_in = user.initiate_auth(ClientId=pool["client"], AuthFlow="USER_PASSWORD_AUTH", AuthParameters=secret)
    token = signed_in["AuthenticationResult"]["AccessToken"]
    assert user.get_user(AccessToken=token)["Username"] == "jane"
    assert "Passw0rd" not in repr(gateway.recorder.recent(50)) and token not in repr(gateway.recorder.recent(50))
    with pytest.raises(user.exceptions.NotAuthorizedException):
        user.initiate_auth(
            ClientId=pool["client"], AuthFlow="USER_PASSWORD_AUTH", AuthParameters={**secret, "PASSWORD": "wrong"}
        )


def test_what_users_do_is_unsigned_and_nothing_else_is(gateway: Gateway) -> None:
    service = wire.load_service("cognito-idp")
    unsigned = {name for name in service.operation_names if service.operation(name).unsigned}
    assert unsigned >= USERS
    assert not [name for name in unsigned if name.startswith(("Admin", "Create", "Describe"))]
    for name in sorted(set(service.operation_names) - unsigned):
        headers = {"x-amz-target": TARGET + name, "content-type": "application/x-amz-json-1.1"}
        got = raw.send(gateway.address, Ask("POST", headers=headers, body=b"{}"))
        assert (got.status, got.code) == (400, "MissingAuthenticationTokenException"), name


def test_an_identity_without_a_signature(gateway: Gateway) -> None:
    """https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_GetId.html: "This is a public API."."""
    made = gateway.client("cognito-identity").create_identity_pool(
        IdentityPoolName="pool", AllowUnauthenticatedIdentities=True
    )
    anybody: Any = gateway.client("cognito-identity", signature_version=UNSIGNED)
    logins = {"idp.example": "a-token-of-theirs"}
    identity = anybody.get_id(IdentityPoolId=made["IdentityPoolId"], Logins=logins)["IdentityId"]
    assert anybody.get_open_id_token(IdentityId=identity)["Token"]
    assert "a-token-of-theirs" not in repr(gateway.recorder.recent(50))
    for client in (anybody, gateway.client("cognito-identity")):
        with pytest.raises(ClientError, match="lend credentials of its own") as lent:
            client.get_credentials_for_identity(IdentityId=identity)
        assert lent.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_an_identity_is_of_a_pool_that_lets_one_in(gateway: Gateway) -> None:
    """https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_GetId.html (its errors)"""
    made = gateway.client("cognito-identity").create_identity_pool(
        IdentityPoolName="members", AllowUnauthenticatedIdentities=False
    )["IdentityPoolId"]
    anybody: Any = gateway.client("cognito-identity", signature_version=UNSIGNED)
    refused(lambda: anybody.get_id(IdentityPoolId=made), "NotAuthorizedException")
    refused(lambda: anybody.get_id(IdentityPoolId=f"{REGION}:none"), "ResourceNotFoundException")
    assert anybody.get_id(IdentityPoolId=made, Logins={"idp.example": "a-token"})["IdentityId"]


def test_what_is_unsigned_of_identities_and_nothing_else_is(gateway: Gateway) -> None:
    service = wire.load_service("cognito-identity")
    unsigned = {name for name in service.operation_names if service.operation(name).unsigned}
    assert unsigned == {"GetId", "GetCredentialsForIdentity", "GetOpenIdToken", "UnlinkIdentity"}
    for name in sorted(set(service.operation_names) - unsigned):
        headers = {"x-amz-target": f"AWSCognitoIdentityService.{name}", "content-type": "application/x-amz-json-1.1"}
        got = raw.send(gateway.address, Ask("POST", headers=headers, body=b"{}"))
        assert (got.status, got.code) == (400, "MissingAuthenticationTokenException"), name


def test_a_signature_that_is_given_must_be_right(gateway: Gateway, pool: dict[str, str]) -> None:
    keys = raw.Keys(gateway.admin.id, "wrong")
    headers = {"x-amz-target": TARGET + "SignUp", "content-type": "application/x-amz-json-1.1"}
    got = gateway.ask(Ask("POST", headers=headers, body=b"{}"), keys, "cognito-idp")
    assert (got.status, got.code) == (400, "InvalidSignatureException")


@pytest.mark.parametrize(
    ("service", "prefix"),
    [("timestream-write", "timestream"), ("timestream-query", "timestream"), ("dynamodb", "dynamodb")],
)
def test_endpoint_discovery_leads_to_us(gateway: Gateway, service: str, prefix: str) -> None:
    """The attack on oneself: an SDK that discovers AWS's own address asks there, past every policy."""
    client = gateway.client(service, gateway.user(statement("Allow", f"{prefix}:DescribeEndpoints")))
    assert [one["Address"] for one in client.describe_endpoints()["Endpoints"]] == [gateway.endpoint]
    with pytest.raises(ClientError, match="is not authorized to perform"):
        gateway.client(service, gateway.user()).describe_endpoints()
