"""Roles that a request hands to a service: iam:PassRole on the role, with iam:PassedToService.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html

AWS documents the services, hardly the parameters; so every role in a request that writes something is one that is
passed, wherever in the parameters it stands, but for those that are only looked at.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from kansatsu.catalog.authorization import Authorization, Context, Params
from kansatsu.catalog.profiles import PATHS
from kansatsu.catalog.rules import Frame
from kansatsu.catalog.values import Unsure, arn_parts, read, safe
from kansatsu.wire import Operation
from kansatsu.wire.model import Shape

# A role by its ARN or its name, as models call one.
_ROLE = re.compile(
    r".*role|.*rolearn(update)?|.*roleupdate|(execution)?rolearns|(add)?iamroles|roles|(sns)?callerarn|credentialsarn"
    r"|authorizercredentials(arn)?|iamrolefor.*arn|rolearnforlogging|rolenamearn|.*jobroleidentifier"
    r"|(domainiam|sns|invoker|localdeploymentexecution)?rolename"
)
# What is called so and is no role of IAM, or one that a role that was passed assumes in its turn.
_NO_IAM = re.compile(r"(snowflake|masterbackend|key|databaseaccesscontrol|geographic|approval|.*crossaccount)role")
_AUTOMATIONS = {
    **dict.fromkeys(("StartAutomationExecution", "CreateAssociation", "UpdateAssociation"), "Parameters<>"),
    "CreateAssociationBatch": "Entries[].Parameters<>",
    "StartChangeRequestExecution": "Runbooks[].Parameters<>",
    "StartExecutionPreview": "ExecutionInputs.Automation.Parameters<>",
    "RegisterTaskWithMaintenanceWindow": "TaskInvocationParameters.Automation.Parameters<>",
    "UpdateMaintenanceWindowTask": "TaskInvocationParameters.Automation.Parameters<>",
}
_FURTHER = {
    ("ec2", "CreateFlowLogs"): ("DeliverLogsPermissionArn",),
    ("apigateway", "PutIntegration"): ("credentials",),
}
# Among other values, where only an ARN tells a role: the AutomationAssumeRole of a runbook, however it calls that.
# https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-setup-iam.html
_AMONG = {("ssm", operation): path for operation, path in _AUTOMATIONS.items()}
# No role, but whoever will call the API. https://docs.aws.amazon.com/apigateway/latest/api/API_PutIntegration.html
_CALLERS_OWN = "arn:aws:iam::*:user/*"
# Reading, taking away and assuming pass no role on.
_NO_VERBS = re.compile(
    r"(Get|List|Describe|Delete|Search|BatchGet|BatchDelete|Assume|Simulate|Untag|Tag|Validate"
    r"|Remove|BatchRemove|Disassociate|Cancel|Detach|Stop|Converse|CountTokens)[A-Z]?"
)
# Services whose role parameters say who may, or which credentials are wanted, and hand nothing over.
_NOTHING = {
    *("iam", "iam-toolbox", "kansatsu", "license-manager", "organizations", "securityhub", "sso", "sso-admin", "sts"),
}
# Roles of other systems, and roles that get a policy.
_NO_ROLES = {
    *("samlConfiguration.assertionAttributes.role", "LdapServerMetadata.RoleName"),
    *("ApplicationConfig.RoleGroupAssignments[].RoleName", "Definition.IamActionDefinition.Roles[]"),
}
# service -> the principal that takes the role, where it is not the prefix of its actions.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
_PRINCIPALS = {
    "apigatewayv2": "apigateway",
    "application-autoscaling": "application-autoscaling",
    "bedrock-agent": "bedrock",
    "cognito-idp": "cognito-idp",
    "docdb": "monitoring.rds",
    "ec2": "vpc-flow-logs",
    "ecs": "ecs-tasks",
    "emr": "elasticmapreduce",
    "kinesisanalyticsv2": "kinesisanalytics",
    "neptune": "monitoring.rds",
    "rds": "monitoring.rds",
    "stepfunctions": "states",
}
# (service, last word of the path) -> principal, where one service passes roles to several.
_BY_MEMBER = {
    ("ecs", "role"): "ecs",
    ("rds", "RoleArn"): "rds",
    ("rds", "DomainIAMRoleName"): "directoryservice.rds",
    ("rds", "IamRoleArn"): "export.rds",
    ("autoscaling", "RoleARN"): "autoscaling",
    ("batch", "spotIamFleetRole"): "spotfleet",
    ("ec2", "IamFleetRole"): "spotfleet",
    ("ec2", "RoleName"): "vmie",
}
_DEEPEST = 6


@dataclass(frozen=True, slots=True)
class Pass:
    """A parameter that holds a role, and the service principal that will take it."""

    path: str
    service: str
    among: bool = False  # other values, which pass nothing

    def resolve(self, params: Params, frame: Frame) -> Iterator[Authorization]:
        """The check for each role that is given."""
        context: Context = {"iam:passedtoservice": self.service}
        try:
            given = [value for value in dict.fromkeys(read(params, self.path)) if value != _CALLERS_OWN]
            roles = [self._arn(value, frame) for value in given if not self.among or ":iam:" in value]
        except Unsure:
            yield Authorization("iam:PassRole", "*", context, exact=False)
        else:
            yield from (Authorization("iam:PassRole", role, context) for role in roles)

    def _arn(self, value: str, frame: Frame) -> str:
        """The role's ARN.

        INVARIANT: a name does not tell a role's path, which policies may be on; only who has the roles can resolve it.
        """
        named = "" if value.startswith("arn:") or not frame.role else frame.role(value) or ""
        parts = arn_parts(named or value)
        if parts is None or parts[:4] != ["arn", "aws", "iam", ""] or not safe(parts[5], True):
            raise Unsure(value)
        if not parts[5].startswith("role/"):
            raise Unsure(value)
        return named or value


def passes(operation: Operation, prefix: str) -> tuple[Pass, ...]:
    """The roles that an operation hands over."""
    service = operation.service.name
    if service in _NOTHING or _NO_VERBS.match(operation.name) or operation.input is None:
        return ()
    paths = (*_roles(operation.input, "", ()), *_FURTHER.get((service, operation.name), ()))
    profiles = PATHS.get((service, operation.name), ())
    roles = [path for path in dict.fromkeys(paths) if path not in _NO_ROLES and path not in profiles]
    found = [Pass(path, _principal(service, prefix, path)) for path in roles]
    if among := _AMONG.get((service, operation.name)):
        found.append(Pass(among, _principal(service, prefix, among), among=True))
    return tuple(found)


@lru_cache(maxsize=256)
def _principal(service: str, prefix: str, path: str) -> str:
    last = path.rpartition(".")[2]
    return f"{_BY_MEMBER.get((service, last)) or _PRINCIPALS.get(service, prefix)}.amazonaws.com"


def _roles(shape: Shape, way: str, above: tuple[str, ...]) -> Iterator[str]:
    """Paths of all texts that are named like a role."""
    if len(above) > _DEEPEST or shape.name in above:
        return
    inside = (*above, shape.name)
    for name, member in shape.members:
        own, path = member, f"{way}{name}"
        while own.type in ("list", "map"):
            path += "[]" if own.type == "list" else "<>"
            own = own.member if own.type == "list" else own.value
        if own.type == "structure":
            yield from _roles(own, f"{path}.", inside)
        elif own.type == "string" and "enum" not in own.traits and _names_role(name.lower()):
            yield path


def _names_role(member: str) -> bool:
    return _ROLE.fullmatch(member) is not None and _NO_IAM.fullmatch(member) is None
