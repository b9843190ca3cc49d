"""AssumeRoleWithSAML: whom an identity provider vouches for in a signed assertion becomes a role that trusts it.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html
Nobody signs such a request; the assertion alone speaks for its bearer. AWS's words for what is wrong with one:
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_saml.html
"""

import asyncio
import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete

from kansatsu import arn
from kansatsu.errors import AwsError
from kansatsu.identity import credentials, schema
from kansatsu.identity.credentials import Credential
from kansatsu.identity.sealing import Secret
from kansatsu.policy import Decision, Policies, PolicySet, PolicyType, Principal, Request
from kansatsu.services.iam import saml_providers
from kansatsu.services.registry import Call, Params, operation
from kansatsu.services.sts import _federation as federation
from kansatsu.services.sts import _sessions as common
from kansatsu.services.sts._federation import Context, invalid
from kansatsu.services.sts.assume_role import duration_of

if TYPE_CHECKING:
    from kansatsu.services.saml import Assertion

_ACTION = "sts:AssumeRoleWithSAML"
_OWN = "https://aws.amazon.com/SAML/Attributes/"
_TAG = f"{_OWN}PrincipalTag:"
_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_SHORTEST, _LONGEST = 900, 43200  # seconds that SessionDuration may say
_USED = "assertion"
_REMEMBERED = 3600.0  # seconds: far longer than an assertion can be redeemed

# Attributes that are condition keys; of one that is no list the first value counts.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html#saml-attribute-mapping
_LISTS = {
    **{
        f"urn:oid:1.3.6.1.4.1.5923.1.1.1.{number}": key
        for number, key in (
            *((1, "edupersonaffiliation"), (2, "edupersonnickname"), (4, "edupersonorgunitdn")),
            *((7, "edupersonentitlement"), (9, "edupersonscopedaffiliation"), (10, "edupersontargetedid")),
            (11, "edupersonassurance"),
        )
    },
    **{
        f"urn:oid:1.3.6.1.4.1.5923.1.2.1.{number}": key
        for number, key in (
            *((2, "eduorghomepageuri"), (3, "eduorgidentityauthnpolicyuri"), (4, "eduorglegalname")),
            *((5, "eduorgsuperioruri"), (6, "eduorgwhitepagesuri")),
        )
    },
    "urn:oid:2.5.4.3": "cn",
}
_SINGLES = {
    **{
        f"urn:oid:1.3.6.1.4.1.5923.1.1.1.{number}": key
        for number, key in (
            *((3, "edupersonorgdn"), (5, "edupersonprimaryaffiliation"), (6, "edupersonprincipalname")),
            (8, "edupersonprimaryorgunitdn"),
        )
    },
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name": "name",
    "http://schemas.xmlsoap.org/claims/CommonName": "commonname",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname": "givenname",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname": "surname",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress": "mail",
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid": "primarygroupsid",
    "2.5.4.3": "commonname",
    "2.5.4.4": "surname",
    "2.4.5.42": "givenname",
    "2.5.4.45": "x500uniqueidentifier",
    "0.9.2342.19200300100.1.1": "uid",
    "0.9.2342.19200300100.1.3": "mail",
    "0.9.2342.19200300.100.1.45": "organizationstatus",
}


def _role_arn(_call: Call, params: Params) -> str:
    return str(params["RoleArn"])


@operation("sts", "AssumeRoleWithSAML", resource=_role_arn, always_allowed=True)
async def assume_role_with_saml(
    call: Call,
    *,
    role_arn: str,
    principal_arn: str,
    saml_assertion: str,
    policy_arns: list[dict[str, str]] | None = None,
    policy: str | None = None,
    duration_seconds: int | None = None,
    minimum_session_token_size: int = 0,
) -> dict[str, Any]:
    provider, keys = _provider(call, role_arn, principal_arn)
    shown = await asyncio.to_thread(_verified, call, provider, keys, saml_assertion)
    asked = _context(shown, provider)
    federation.vouch(call, str(asked["saml:namequalifier"]), "", shown.subject)
    passed = _passed(role_arn, shown.attributes)
    if not _names(shown, role_arn, principal_arn):
        principal = Principal("", principal_arn, "federated")
        request = Request(principal, _ACTION, role_arn, {**call.context, **asked})
        raise federation.denied(Decision(request, Policies(PolicySet()), False, False, PolicyType.TRUST))

    def assumed(conn: Connection) -> dict[str, Any]:
        call.enter(lambda: conn)
        role = federation.trusting(call, principal_arn, _ACTION, passed, asked)
        seconds = min(duration_of(role, duration_seconds), _longest(call, shown))
        _redeem(call, conn, provider, shown, role_arn)
        own = common.Passed(policy, policy_arns, passed.tags, passed.source_identity, minimum_session_token_size)
        return common.assumed(call, role, passed.session_name, seconds, own, source=_source(principal_arn, asked))

    return await call.store.transact(assumed) | {
        "Subject": shown.subject,
        "SubjectType": shown.subject_type,
        "Issuer": shown.issuer,
        "Audience": shown.recipient,
        "NameQualifier": str(asked["saml:namequalifier"]),
    }


def _provider(call: Call, role_arn: str, principal_arn: str) -> tuple[Credential, Sequence[Secret]]:
    """The provider, which is of the role's own account, and its private keys."""
    role, named = arn.Arn.parse(role_arn), arn.Arn.parse(principal_arn)
    if role is not None and named is not None and role.account == named.account:
        with call.store.read() as conn:
            call.enter(lambda: conn)
            found = saml_providers.find(call, named.account, principal_arn)
            if found is not None:
                return found, saml_providers.private_keys(call, found)
    raise invalid("Specified provider doesn't exist")


def _verified(call: Call, provider: Credential, keys: Sequence[Secret], encoded: str) -> "Assertion":
    from kansatsu.services import saml  # late, as it asks for

    described, required = saml.metadata(provider.details["metadata"]), provider.details.get("mode") == "Required"
    decryption = saml.Decryption(tuple(saml.private_key(key.value) for key in keys), required)
    return saml.verified(encoded, described, decryption, provider.details["uuid"], call.now)


def _names(shown: "Assertion", role_arn: str, principal_arn: str) -> bool:
    """INVARIANT: the provider named this role for this user; that the role trusts the provider is not enough."""
    pairs = ({part.strip() for part in pair.split(",")} for pair in shown.attributes.get(f"{_OWN}Role", ()))
    return any(pair == {role_arn, principal_arn} for pair in pairs)


def _passed(role_arn: str, attributes: Mapping[str, tuple[str, ...]]) -> federation.Passed:
    """Session name, tags and source identity. Raises InvalidIdentityToken, ValidationError."""
    name = _single(attributes, "RoleSessionName")
    if name is None:
        raise invalid("RoleSessionName is required in AuthnResponse")
    if not _NAME.fullmatch(name):
        raise invalid("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}")
    lasting = _single(attributes, "SourceIdentity")
    if lasting is not None and (not _NAME.fullmatch(lasting) or lasting.lower().startswith("aws:")):
        raise invalid('Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"')
    tags = [
        {"Key": key.removeprefix(_TAG), "Value": _single(attributes, key.removeprefix(_OWN)) or ""}
        for key in attributes
        if key.startswith(_TAG)
    ]
    return federation.passed(role_arn, name, tags, list(attributes.get(f"{_OWN}TransitiveTagKeys", ())), lasting)


def _single(attributes: Mapping[str, tuple[str, ...]], name: str) -> str | None:
    values = attributes.get(_OWN + name)
    if values is not None and len(values) != 1:
        raise invalid(f"{name} in AuthnResponse must have exactly one value")
    return values[0] if values is not None else None


def _longest(call: Call, shown: "Assertion") -> int:
    """Seconds: the provider can make a session shorter, never longer."""
    longest = _LONGEST
    if (asked := _single(shown.attributes, "SessionDuration")) is not None:
        if not (asked.isascii() and asked.isdecimal() and _SHORTEST <= int(asked[:6]) <= _LONGEST):
            raise invalid(f"SessionDuration in AuthnResponse must be a number between {_SHORTEST} and {_LONGEST}")
        longest = int(asked)
    if shown.session_ends is not None:
        longest = min(longest, int((shown.session_ends - call.now).total_seconds()))
    if longest <= 0:
        raise AwsError("The session of the assertion has ended", code="ExpiredTokenException")
    return longest


def _redeem(call: Call, conn: Connection, provider: Credential, shown: "Assertion", role_arn: str) -> None:
    """INVARIANT: an assertion makes one session of each role that it names: whoever finds one used learns nothing.

    Tools that offer all roles of a user show the same assertion for each, so that it is not used up by the first.
    """
    now = call.now.timestamp()
    used = schema.credential
    mine = (used.c.account == provider.account) & (used.c.kind == _USED)
    conn.execute(delete(used).where(mine, used.c.created < now - _REMEMBERED))
    name = hashlib.sha256("\0".join((provider.id, shown.id, role_arn)).encode()).hexdigest()
    if credentials.named(conn, provider.account, _USED, name) is not None:
        raise invalid("The assertion was used before")
    kept = Credential(f"a:{name[:60]}", provider.account, _USED, "", name, "Active", now)
    credentials.add(conn, call.store.sealer, kept)


def _context(shown: "Assertion", provider: Credential) -> Context:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-saml"""
    of_provider = f"{provider.account}/{provider.name}"
    qualifier = hashlib.sha1(f"{shown.issuer}{of_provider}".encode(), usedforsecurity=False).digest()
    found: Context = {
        "saml:aud": shown.recipient,
        "saml:iss": shown.issuer,
        "saml:doc": of_provider,
        "saml:sub": shown.subject,
        "saml:sub_type": shown.subject_type,
        "saml:namequalifier": base64.b64encode(qualifier).decode(),
    }
    for name, values in shown.attributes.items():
        if values and name in _LISTS:
            found[f"saml:{_LISTS[name]}"] = values
        elif values and name in _SINGLES:
            found.setdefault(f"saml:{_SINGLES[name]}", values[0])
    return {key: value for key, value in found.items() if value}


_LASTING = ("saml:namequalifier", "saml:sub", "saml:sub_type")  # of these every request of the session can be asked


def _source(provider: str, asked: Context) -> dict[str, str]:
    """What the session remembers."""
    return {"saml": provider, **{key: str(asked[key]) for key in _LASTING if key in asked}}


def issued_for(source: Mapping[str, str]) -> Context:
    """Condition keys of a session that came of an assertion, in every request that it makes.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#cross-condition-keys-saml
    """
    if "saml" not in source:
        return {}
    return {"aws:federatedprovider": source["saml"], **{key: source[key] for key in _LASTING if key in source}}
