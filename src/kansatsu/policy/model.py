"""The words of the policy engine: where a policy comes from, who calls, what is asked, what a document holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Context = Mapping[str, str | tuple[str, ...]]


class PolicyType(StrEnum):
    """Kinds of policies, in AWS's words of its denial messages.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """

    IDENTITY = "identity-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    RESOURCE = "resource-based policy"
    TRUST = "role trust policy"
    SCP = "service control policy"
    RCP = "resource control policy"
    VPC_ENDPOINT = "VPC endpoint policy"


class Limits(StrEnum):
    """How a session was made that may do less than its user, whatever the policies say.

    SESSION_TOKEN: in iam nothing without MFA, in sts only AssumeRole and GetCallerIdentity. FEDERATION: no iam, in sts
    only GetCallerIdentity, and without a session policy only what a resource policy grants to the session itself. What
    makes keys in Kansatsu is as iam.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html
    """

    SESSION_TOKEN = "GetSessionToken"  # noqa: S105 - the name of an operation
    FEDERATION = "GetFederationToken"


class Verdict(StrEnum):
    """What the policies of one type say; the values are those of SimulatePrincipalPolicy's EvalDecision."""

    ALLOW = "allowed"
    EXPLICIT_DENY = "explicitDeny"
    IMPLICIT_DENY = "implicitDeny"


# To name a member by its class is a call in Python 3.11, and every decision names several.
ALLOW, EXPLICIT_DENY, IMPLICIT_DENY = Verdict.ALLOW, Verdict.EXPLICIT_DENY, Verdict.IMPLICIT_DENY


@dataclass(frozen=True, slots=True)
class Source:
    """Where a policy comes from: `arn` of a managed policy, or the ARN of the `owner` of an inline one."""

    type: PolicyType
    arn: str = ""
    owner: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling, as policies see it.

    `account` is "" when there is none. `arn`: of a user, a role session, a federated user, the root, a federated
    provider, or the name of a service ("ec2.amazonaws.com"). `kind`: user, role, root, federated, service, anonymous.
    `role_arn`: of a role session, the role's ARN with its path; of a federated user, the ARN of the user who asked for
    it. `id`: AIDA... or AROA..., of the user or role.
    """

    account: str
    arn: str
    kind: str
    role_arn: str = ""
    id: str = ""


class _Unresolved(str):
    __slots__ = ()


# The resource of a request that has one which nobody could name: shown as "*", but not the same as it.
UNRESOLVED = _Unresolved("*")


@dataclass(frozen=True, slots=True)
class Request:
    """One question: may this principal do this action on this resource (an ARN or "*") in this context?

    Keys of `context` are in lower case; a tuple is a multivalued key. `resource_account` is the account that owns
    the resource, "" for the principal's own.
    """

    principal: Principal
    action: str
    resource: str
    context: Context
    resource_account: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """One line of a Condition block: an operator as written, a key as written, the values."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; `not_*` tells NotAction, NotResource and NotPrincipal from their positive twins.

    `principals` are pairs such as ("AWS", "arn:..."), ("Service", "ec2.amazonaws.com") or ("*", "*"). `resources` is
    empty where the grammar has none (trust policies). `span` is (start, end) in the text, `line` counts from 1.
    """

    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ()
    principals: tuple[tuple[str, str], ...] = ()
    conditions: tuple[Condition, ...] = ()
    not_action: bool = False
    not_resource: bool = False
    not_principal: bool = False
    span: tuple[int, int] = field(default=(0, 0), compare=False)
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Document:
    """A valid policy document. `size` is in characters without white space, as AWS's quotas count."""

    version: str
    statements: tuple[Statement, ...]
    id: str = ""
    text: str = field(default="", compare=False)
    size: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Match:
    """A statement that applied to a request, and where it stands."""

    policy: Source
    index: int
    sid: str
    effect: str
    span: tuple[int, int]
    line: int = 0
