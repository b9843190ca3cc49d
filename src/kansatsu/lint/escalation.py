"""Ways by which a holder of some permissions gets others: a table of what must be allowed together, and what follows.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html says why such permissions are bounded;
what each action does: https://docs.aws.amazon.com/IAM/latest/APIReference/API_Operations.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Step:
    """One of these actions on IAM entities of these types (() for resources of other services)."""

    actions: tuple[str, ...]
    resources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Path:
    """All `steps` must be allowed in this `context`. `own`: it counts too when it is about the caller itself."""

    steps: tuple[Step, ...]
    sentence: str
    context: Mapping[str, str] = field(default_factory=dict)
    own: bool = True


def _iam(action: str, types: str, sentence: str, *, own: bool = True, context: Mapping[str, str] = _NOTHING) -> Path:
    return Path((Step((f"iam:{action}",), tuple(types.split())),), sentence, context, own)


def _passed(service: str, sentence: str, *steps: str) -> Path:
    """iam:PassRole to a service, and its actions; alternatives are parted by `|`."""
    following = (Step(tuple(step.split("|"))) for step in steps)
    context = {"iam:passedtoservice": f"{service}.amazonaws.com"}
    return Path((Step(("iam:PassRole",), ("role",)), *following), sentence, context, own=False)


_ATTACHED = {"iam:policyarn": _ADMINISTRATOR}

ESCALATIONS = (
    _iam("CreatePolicyVersion", "policy", "it can rewrite a policy that it, or anybody, holds."),
    _iam("SetDefaultPolicyVersion", "policy", "it can bring back an older version of a policy that allowed more."),
    _iam("AttachUserPolicy", "user", "it can attach AdministratorAccess to itself.", context=_ATTACHED),
    _iam("AttachGroupPolicy", "group", "it can attach AdministratorAccess to its group.", context=_ATTACHED),
    _iam("AttachRolePolicy", "role", "it can attach AdministratorAccess to a role that it runs as.", context=_ATTACHED),
    _iam("PutUserPolicy", "user", "it can write itself an inline policy that allows everything."),
    _iam("PutGroupPolicy", "group", "it can write its group an inline policy that allows everything."),
    _iam("PutRolePolicy", "role", "it can write an inline policy that allows everything for a role that it runs as."),
    _iam("AddUserToGroup", "group", "it can join a group that may do more."),
    _iam("CreateAccessKey", "user", "it can make keys of another user, and act as that one.", own=False),
    _iam("CreateLoginProfile", "user", "it can set a password for another user, and sign in as that one.", own=False),
    _iam("UpdateLoginProfile", "user", "it can change another user's password, and sign in as that one.", own=False),
    _iam("UpdateAssumeRolePolicy", "role", "it can make any role trust it, and assume that role."),
    _iam("PutUserPermissionsBoundary", "user", "it can replace its own permissions boundary."),
    _iam("DeleteUserPermissionsBoundary", "user", "it can take its own permissions boundary away."),
    _iam("PutRolePermissionsBoundary", "role", "it can replace the permissions boundary of a role that it runs as."),
    _iam("DeleteRolePermissionsBoundary", "role", "it can take away the boundary of a role that it runs as."),
    _iam("UpdateSAMLProvider", "saml-provider", "it can vouch for itself to every role that trusts the provider."),
    Path(
        (Step(("sts:AssumeRole",), ("role",)),),
        "it can become every role that trusts the account.",
    ),
    _passed("ec2", "it can start an instance that has the role, and take its credentials.", "ec2:RunInstances"),
    _passed(
        "ec2",
        "it can give an instance that runs another role, and take its credentials there.",
        "ec2:AssociateIamInstanceProfile|ec2:ReplaceIamInstanceProfileAssociation",
    ),
    _passed(
        "lambda",
        "it can run code of its own as the role, in a function.",
        "lambda:CreateFunction",
        "lambda:InvokeFunction|lambda:AddPermission|lambda:CreateEventSourceMapping|lambda:CreateFunctionUrlConfig",
    ),
    _passed(
        "ecs-tasks",
        "it can run a container of its own as the role.",
        "ecs:RegisterTaskDefinition",
        "ecs:RunTask|ecs:StartTask|ecs:CreateService|ecs:UpdateService",
    ),
    _passed("cloudformation", "a stack does what it likes as the role.", "cloudformation:CreateStack"),
    _passed(
        "cloudformation",
        "a change of a stack does what it likes as the role.",
        "cloudformation:UpdateStack|cloudformation:ExecuteChangeSet",
    ),
    _passed("glue", "it can log in to an endpoint that has the role.", "glue:CreateDevEndpoint"),
    _passed(
        "glue",
        "it can run a job of its own as the role.",
        "glue:CreateJob|glue:UpdateJob",
        "glue:StartJobRun|glue:CreateTrigger",
    ),
    _passed(
        "sagemaker",
        "it can open a notebook that has the role.",
        "sagemaker:CreateNotebookInstance",
        "sagemaker:CreatePresignedNotebookInstanceUrl",
    ),
    _passed(
        "sagemaker",
        "it can run a job of its own as the role.",
        "sagemaker:CreateTrainingJob|sagemaker:CreateProcessingJob",
    ),
    _passed(
        "codebuild", "it can run a build of its own as the role.", "codebuild:CreateProject", "codebuild:StartBuild"
    ),
    _passed(
        "states",
        "a state machine calls AWS's operations as the role.",
        "states:CreateStateMachine|states:UpdateStateMachine",
        "states:StartExecution",
    ),
    _passed(
        "scheduler",
        "a schedule calls AWS's operations as the role.",
        "scheduler:CreateSchedule|scheduler:UpdateSchedule",
    ),
    _passed(
        "datapipeline",
        "a pipeline runs commands of its own as the role.",
        "datapipeline:CreatePipeline",
        "datapipeline:PutPipelineDefinition",
        "datapipeline:ActivatePipeline",
    ),
)


def _borrowed(actions: str, sentence: str) -> Path:
    return Path(tuple(Step(tuple(step.split("|"))) for step in actions.split()), sentence)


# What does not change what anybody may do, yet acts with a role that something else has.
BORROWED = (
    _borrowed("lambda:UpdateFunctionCode", "code of its own runs as the role of a function."),
    _borrowed("ssm:SendCommand|ssm:StartSession", "it can take the credentials of an instance's role."),
    _borrowed("ec2-instance-connect:SendSSHPublicKey", "it can log in to an instance and take its role's credentials."),
    _borrowed("ecs:ExecuteCommand", "it can run commands in a task, as the task's role."),
    _borrowed("glue:UpdateDevEndpoint", "it can log in to an endpoint and act as its role."),
    _borrowed("sagemaker:CreatePresignedNotebookInstanceUrl", "it can open a notebook and act as its role."),
)
