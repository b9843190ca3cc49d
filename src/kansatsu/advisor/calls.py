"""One request as replay and the trail need it: who asked what with which condition keys, and how it ended.

AccessEvents say what was used; a CallRecord says with what it was decided. Both are written in one step.
"""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any

import msgspec

from kansatsu.policy import Policy

_AGENT = "aws:useragent"
Keys = Mapping[str, str | tuple[str, ...]]


class Asking(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One action on one resource. `owner`: the account of the resource, "" when nobody knows; `guard`: the digest of
    the policy of the resource, "" for none; `context`: the condition keys that only this one had; `absent`: those that
    a policy asked for and the resource had not, of what is looked up only then; None where that is not known.
    """

    action: str
    resource: str
    resolved: bool
    owner: str = ""
    guard: str = ""
    context: Mapping[str, str | tuple[str, ...]] = {}
    absent: tuple[str, ...] | None = None


class Bearer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The session of temporary credentials. Times are epoch seconds; `policy` is the digest of its inline policy."""

    kind: str  # role | user | federated
    name: str
    issued: float
    mfa: bool = False
    source_identity: str = ""
    policy: str = ""
    policy_arns: tuple[str, ...] = ()
    chained: bool = False
    learning: bool = False
    delivery: str = ""  # of an instance's role: "1.0" or "2.0", how its credentials were fetched
    console: bool = False  # made by signing in to the console
    delegated: bool = False  # lent by the approver of a delegation request
    scoped: tuple[str, ...] = ()  # digests of the policies that scope it down


class Vouched(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Whom an identity provider vouches for, by a token or an assertion that was verified.

    `provider`: the ARN or the name of an OpenID Connect provider, saml:namequalifier of a SAML provider. `audience`:
    the application that the token is for, "" of an assertion.
    """

    provider: str
    audience: str
    subject: str


class CallRecord(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A request by somebody known, or one of nobody that a resource let in; `call` is its request id.

    `entity` is the ARN of the user, or of the role behind a session, `principal_id` its unique id. `params` and
    `result` are without secrets, by AWS's names. `whole` False: something was too long to be kept. `via`: the service
    that asked for the caller (kansatsu.amazonaws.com), within the request `parent`; "" where the caller asked itself.
    `parent` without `via`: what was denied of that request, where the rest went on (DeleteObjects); or, without an
    access key, what a service will do by itself as a role since that request (`delivers`). `vouched`: who became a
    role, or tried to, that nobody signed for.
    """

    call: str
    time: float
    account: str
    kind: str  # user | role | root | federated | anonymous | service
    principal_id: str
    name: str
    arn: str
    entity: str
    access_key_id: str
    service: str  # botocore's name
    operation: str
    region: str
    source_ip: str
    allowed: bool
    context: Mapping[str, str | tuple[str, ...]]
    asked: tuple[Asking, ...]
    user_agent: str = ""  # where it is not that of `context`: see `agent`
    error: str = ""
    message: str = ""
    observed: bool = False  # policies denied it, and it went on: mode observe
    session: Bearer | None = None
    host: str = ""  # of a request over TLS
    params: Any = None
    result: Any = None
    whole: bool = True
    via: str = ""
    parent: str = ""
    vouched: Vouched | None = None

    @property
    def agent(self) -> str:
        """The user agent. It is often a tenth of a record, so that it stands in there once."""
        return self.user_agent or str(self.context.get(_AGENT, ""))

    @property
    def delivers(self) -> bool:
        """Is it what a service will do by itself, on resources that may be patterns?"""
        return bool(self.parent) and not self.via and not self.access_key_id


# What is on record of signing in to the console, which is no operation of a service: see trail.py.
SIGN_IN, CONSOLE_LOGIN = "signin", "ConsoleLogin"


class PolicyText(msgspec.Struct, frozen=True):
    """The text of a policy that records after it in the same segment name by its digest."""

    policy: str
    text: str


@lru_cache(maxsize=4096)
def digest(text: str) -> str:
    """What names a policy's text in records."""
    return sha256(text.encode()).hexdigest()[:32]


def digest_of(policy: Policy | None, texts: dict[str, str]) -> str:
    """The digest of a policy, "" of none; its text goes into `texts`."""
    if policy is None:
        return ""
    named = digest(policy.document.text)
    texts[named] = policy.document.text
    return named
