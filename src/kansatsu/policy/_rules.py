"""What each type of policy document may hold, and AWS's sentence for each thing that it may not.

The grammar: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
The sentences are those that AWS answers with; where several are in use the most general one stands.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from kansatsu.errors import MalformedPolicyDocument
from kansatsu.policy._conditions import compile_condition
from kansatsu.policy._operators import ValueInvalid, parse_name
from kansatsu.policy._patterns import resources
from kansatsu.policy._principals import UNIQUE_ID, account_of
from kansatsu.policy._template import TemplateError
from kansatsu.policy.model import PolicyType, Statement

SYNTAX = "Syntax errors in policy."
LEADING_SPACE = "The policy failed legacy parsing"
OLD = "Policy document must be version 2012-10-17 or greater."
NO_ACTIONS = "Policy statement must contain actions."
NO_RESOURCES = "Policy statement must contain resources."
SID_TWICE = "Statement IDs (SID) in a single policy must be unique."
SID_CHARACTERS = (
    "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
)
NO_VENDOR = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
TWO_COLONS = "Actions/Condition can contain only one colon."
PRINCIPAL_PROHIBITED = "Policy document should not specify a principal."
NOT_STS = "AssumeRole policy may only specify STS AssumeRole actions."
WRONG_TYPE = "The provided policy document does not meet the requirements of the specified policy type."
NOT_PRINCIPAL_ALLOW = "Allow with NotPrincipal is not allowed."


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one type of policy."""

    id: bool = False  # may the document have an Id?
    version: bool = False  # must the document say Version 2012-10-17?
    principal: bool = False  # must each statement have a Principal? (false: none may)
    resource: bool = True  # must each statement have a Resource?
    resource_allowed: bool = True
    sid: re.Pattern[str] | None = re.compile(r"[0-9A-Za-z]*", re.ASCII)
    characters: re.Pattern[str] | None = re.compile(r"[\t\n\r\x20-\xff]*")
    not_json: str = SYNTAX
    leading_space: str = LEADING_SPACE


_RESOURCE = Rules(id=True, principal=True, resource=False, sid=None, characters=None, leading_space="")
_IDENTITY = Rules()

RULES = {
    PolicyType.IDENTITY: _IDENTITY,
    PolicyType.BOUNDARY: _IDENTITY,
    PolicyType.SESSION: _IDENTITY,
    PolicyType.SCP: Rules(version=True),
    PolicyType.RCP: Rules(version=True, principal=True),
    PolicyType.RESOURCE: _RESOURCE,
    PolicyType.VPC_ENDPOINT: _RESOURCE,
    PolicyType.TRUST: Rules(
        id=True,
        principal=True,
        resource=False,
        resource_allowed=False,
        not_json="This policy contains invalid Json",
        leading_space="JSON strings must not have leading spaces",
    ),
}

_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9*?_-]+", re.ASCII)
_PLAIN_ARN = re.compile(r"arn:aws(?:-[a-z]+)*:[^:]*", re.ASCII)
_ARN_START = re.compile(r"arn:[^:]*:[^:]*:?", re.ASCII)
_PARTITIONS = re.compile(r"aws(?:-[a-z]+)*", re.ASCII)
_CONDITION_KEY = re.compile(r"[^:\s]+:\S(?:.*\S)?", re.DOTALL)
_TRUST_ACTIONS = frozenset(
    f"sts:{name}"
    for name in (
        "assumerole",
        "assumerolewithsaml",
        "assumerolewithwebidentity",
        "setcontext",
        "setsourceidentity",
        "tagsession",
    )
)


def refuse(message: str) -> MalformedPolicyDocument:
    """The error to raise."""
    return MalformedPolicyDocument(message)


def check(statement: Statement, type: PolicyType, version: str) -> None:
    """Raises MalformedPolicyDocument for a statement that AWS would not store. Elements are already of their types."""
    rules = RULES[type]
    if rules.sid and not rules.sid.fullmatch(statement.sid):
        raise refuse(SID_CHARACTERS)
    if not statement.actions:
        raise refuse(NO_ACTIONS)
    if rules.resource and not statement.resources:
        raise refuse(NO_RESOURCES)
    for action in statement.actions:
        if not _ACTION.fullmatch(action):
            _action(action)
    if type is PolicyType.TRUST:
        _trust_actions(statement)
    if type is PolicyType.RCP:
        _rcp(statement)
    if statement.not_principal and statement.effect == "Allow":
        raise refuse(NOT_PRINCIPAL_ALLOW)
    for kind, value in statement.principals:
        _principal(kind, value, type)
    for resource in statement.resources:
        if not _PLAIN_ARN.match(resource):
            _resource(resource)
    _compiles(statement, variables=version == "2012-10-17")


def _action(action: str) -> None:
    """What is not plainly an action of a service."""
    if action in {"*", "*:*"}:
        return
    vendor, colon, name = action.partition(":")
    if not colon or not vendor:
        raise refuse(NO_VENDOR)
    if ":" in name:
        raise refuse(TWO_COLONS)
    if not re.fullmatch(r"[A-Za-z0-9-]+", vendor, re.ASCII):
        raise refuse(f"Vendor {vendor} is not valid")
    raise refuse(SYNTAX)


def _trust_actions(statement: Statement) -> None:
    for action in statement.actions:
        wild = "*" in action or "?" in action
        known = action.lower() in _TRUST_ACTIONS or (wild and action.lower().startswith("sts:"))
        if statement.not_action or not known:
            raise refuse(NOT_STS)


def _resource(resource: str) -> None:
    """What does not plainly begin as an ARN does."""
    if resource.startswith("*") and not resource.strip("*"):
        return
    if not _ARN_START.match(resource) and not re.fullmatch(r"arn:\S*\*", resource):
        raise refuse(f'Resource {resource} must be in ARN format or "*".')
    partition = resource.split(":", 2)[1]
    if not _PARTITIONS.fullmatch(partition) and not ("*" in partition or "?" in partition):
        raise refuse(f'Partition "{partition}" is not valid for resource "{resource}".')


# The services that have resource control policies:
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html
RCP_SERVICES = frozenset(
    {
        "aoss",
        "appconfig",
        "appstream",
        "autoscaling",
        "autoscaling-plans",
        "budgets",
        "clouddirectory",
        "cloudfront",
        "cloudsearch",
        "cloudtrail-data",
        "codeartifact",
        "codebuild",
        "codecommit",
        "codepipeline",
        "cognito-identity",
        "cognito-idp",
        "comprehend",
        "comprehendmedical",
        "compute-optimizer",
        "cost-optimization-hub",
        "dax",
        "dsql",
        "dynamodb",
        "ecr",
        "ecr-public",
        "events",
        "firehose",
        "fis",
        "fms",
        "gamelift",
        "health",
        "inspector-scan",
        "kendra",
        "kinesisvideo",
        "kms",
        "logs",
        "memorydb",
        "networkmonitor",
        "notifications",
        "opensearch",
        "pca-connector-ad",
        "personalize",
        "polly",
        "pricing",
        "resource-groups",
        "rolesanywhere",
        "s3",
        "secretsmanager",
        "servicediscovery",
        "signin",
        "sqs",
        "sts",
        "support",
        "swf",
        "textract",
        "timestream-influxdb",
        "transcribe",
        "transfer",
        "translate",
        "wafv2",
        "workspaces",
        "xray",
    }
)


def _rcp(statement: Statement) -> None:
    """Everybody is meant, and but for the one policy that AWS attaches everywhere there are Denies only.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html
    """
    if statement.not_principal or statement.principals != (("*", "*"),) or statement.not_action:
        raise refuse(WRONG_TYPE)
    if statement.effect == "Allow":
        full = statement.actions == ("*",) and statement.resources == ("*",)
        if not full or statement.not_resource or statement.conditions:
            raise refuse(WRONG_TYPE)
    elif not all(action.lower().partition(":")[0] in RCP_SERVICES for action in statement.actions):
        raise refuse(WRONG_TYPE)


def check_version(given: str | None, type: PolicyType) -> None:
    """Raises MalformedPolicyDocument when the type needs a Version and this is not it."""
    if RULES[type].version and given != "2012-10-17":
        raise refuse(WRONG_TYPE)


def _principal(kind: str, value: str, type: PolicyType) -> None:
    if kind == "*" or (kind in {"AWS", "Service", "Federated"} and value == "*"):
        return
    if kind == "AWS" and type is PolicyType.RESOURCE and _ORIGIN_ACCESS.fullmatch(value):
        return
    # No wildcard may stand for a part of a name:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    if not value or "*" in value or "?" in value or not _PRINCIPALS[kind](value):
        raise refuse(f'Invalid principal in policy: "{kind.upper()}":"{value}"')


def _aws(value: str) -> bool:
    return bool(account_of(value) or UNIQUE_ID.fullmatch(value) or _AWS_ARN.fullmatch(value))


# Of bucket policies for CloudFront, before there was origin access control:
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html
_ORIGIN_ACCESS = re.compile(
    r"arn:aws[a-z-]*:iam::cloudfront:user/CloudFront Origin Access Identity [A-Z0-9]+", re.ASCII
)
_AWS_ARN = re.compile(
    r"arn:aws[a-z-]*:(?:iam::[0-9]{12}:(?:user|role)/[\x21-\x7e]+"
    r"|sts::[0-9]{12}:(?:assumed-role/[^/\s]+/[^/\s]+|federated-user/[^/\s]+))",
    re.ASCII,
)
_SERVICE = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII)
_PROVIDER = re.compile(
    r"arn:aws[a-z-]*:iam::[0-9]{12}:(?:oidc-provider|saml-provider)/\S+|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII
)
_CANONICAL = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PRINCIPALS: dict[str, Callable[[str], object]] = {
    "AWS": _aws,
    "Service": _SERVICE.fullmatch,
    "Federated": _PROVIDER.fullmatch,
    "CanonicalUser": _CANONICAL.fullmatch,
}


def _compiles(statement: Statement, *, variables: bool) -> None:
    """INVARIANT: an operator or a value that cannot be evaluated makes the document invalid, never true."""
    try:
        if variables and any("${" in resource for resource in statement.resources):
            resources(statement.resources, variables=variables)
        for condition in statement.conditions:
            name = parse_name(condition.operator)
            if name is None:
                raise refuse(f"Invalid Condition type : {condition.operator}")
            if not _CONDITION_KEY.fullmatch(condition.key):
                raise refuse(NO_VENDOR)
            if name.operator is None or not name.operator.any_text or any("${" in value for value in condition.values):
                compile_condition(condition, variables=variables)
    except (TemplateError, ValueInvalid):
        raise refuse(SYNTAX) from None
