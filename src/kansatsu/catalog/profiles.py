"""Roles that a request hands over without naming them: in an instance profile, in a launch template, among options.

AWS asks for iam:PassRole on the role within. The profiles are ours; what a template holds the backend is asked for.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-ec2.html#permission-to-pass-iam-roles
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kansatsu.catalog.authorization import Authorization, Params
from kansatsu.catalog.rules import Frame, Question
from kansatsu.catalog.values import Unsure, read, safe, walk

_INSTANCES = "ec2.amazonaws.com"
NO_ROLE = "-"  # in place of the role of a profile that has none


def _both(path: str) -> tuple[str, str]:
    return f"{path}.Arn", f"{path}.Name"


_MANAGED = "managedInstancesProvider.instanceLaunchTemplate.ec2InstanceProfileArn"
# Where a request names a profile.
PATHS: dict[tuple[str, str], tuple[str, ...]] = {
    ("emr", "RunJobFlow"): ("JobFlowRole",),
    ("autoscaling", "CreateLaunchConfiguration"): ("IamInstanceProfile",),
    ("ec2", "RequestSpotInstances"): _both("LaunchSpecification.IamInstanceProfile"),
    ("ec2", "RunScheduledInstances"): _both("LaunchSpecification.IamInstanceProfile"),
    ("ec2", "RequestSpotFleet"): _both("SpotFleetRequestConfig.LaunchSpecifications[].IamInstanceProfile"),
    **dict.fromkeys(
        (("ec2", "CreateFleet"), ("ec2", "ModifyFleet")),
        _both("LaunchTemplateConfigs[].Overrides[].IamInstanceProfile"),
    ),
    **dict.fromkeys(
        (("imagebuilder", f"{verb}InfrastructureConfiguration") for verb in ("Create", "Update")),
        ("instanceProfileName",),
    ),
    **dict.fromkeys(
        (("batch", f"{verb}ComputeEnvironment") for verb in ("Create", "Update")),
        ("computeResources.instanceRole", f"computeResources.{_MANAGED}"),
    ),
    **dict.fromkeys((("pcs", f"{verb}ComputeNodeGroup") for verb in ("Create", "Update")), ("iamInstanceProfileArn",)),
    **dict.fromkeys(
        (
            *(("rds", f"CreateDBInstance{more}") for more in ("", "ReadReplica")),
            *(("rds", f"RestoreDBInstance{more}") for more in ("FromDBSnapshot", "ToPointInTime")),
        ),
        ("CustomIamInstanceProfile",),
    ),
    ("workspaces-instances", "CreateWorkspaceInstance"): _both("ManagedInstance.IamInstanceProfile"),
}
_SPECIFICATIONS = "LaunchTemplateConfigs[].LaunchTemplateSpecification"
_OF_GROUP = (
    "LaunchTemplate",
    "MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification",
    "MixedInstancesPolicy.LaunchTemplate.Overrides[].LaunchTemplateSpecification",
)
_OF_BATCH = ("computeResources.launchTemplate", "computeResources.launchTemplate.overrides[]")
# Where a request names a launch template whose instances the service launches. Who only writes one passes nothing on:
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/permissions-for-launch-templates.html
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-launch-template-permissions.html
TEMPLATES: dict[tuple[str, str], tuple[str, ...]] = {
    **dict.fromkeys(
        (("ec2", name) for name in ("CreateFleet", "ModifyFleet", "ModifySpotFleetRequest")), (_SPECIFICATIONS,)
    ),
    ("ec2", "RequestSpotFleet"): (f"SpotFleetRequestConfig.{_SPECIFICATIONS}",),
    **dict.fromkeys((("autoscaling", f"{verb}AutoScalingGroup") for verb in ("Create", "Update")), _OF_GROUP),
    ("autoscaling", "StartInstanceRefresh"): tuple(f"DesiredConfiguration.{path}" for path in _OF_GROUP),
    **dict.fromkeys((("batch", f"{verb}ComputeEnvironment") for verb in ("Create", "Update")), _OF_BATCH),
    **dict.fromkeys((("eks", name) for name in ("CreateNodegroup", "UpdateNodegroupVersion")), ("launchTemplate",)),
    ("gamelift", "CreateGameServerGroup"): ("LaunchTemplate",),
    **dict.fromkeys((("pcs", f"{verb}ComputeNodeGroup") for verb in ("Create", "Update")), ("customLaunchTemplate",)),
}


def _passed(profile: str, frame: Frame) -> Iterator[Authorization]:
    """INVARIANT: a profile is worth the role in it; one that is not known here may hold any."""
    role = frame.known.get(f"profile {profile}")
    if role != NO_ROLE:
        yield Authorization("iam:PassRole", role or "*", {"iam:passedtoservice": _INSTANCES}, exact=bool(role))


@dataclass(frozen=True, slots=True)
class Profiles:
    """Parameters that hold the name or the ARN of an instance profile."""

    paths: tuple[str, ...]

    def profiles(self, params: Params, _known: Mapping[str, str]) -> Iterator[str]:
        """The profiles whose role must be known."""
        for path in self.paths:
            yield from read(params, path)

    def resolve(self, params: Params, frame: Frame) -> Iterator[Authorization]:
        """The check for each role within."""
        try:
            for profile in dict.fromkeys(self.profiles(params, frame.known)):
                yield from _passed(profile, frame)
        except Unsure:
            yield from _passed("", frame)


@dataclass(frozen=True, slots=True)
class Templates:
    """Parameters that hold the id or name of a launch template, and its version."""

    paths: tuple[str, ...]

    def _calls(self, params: Params) -> Iterator[tuple[str, dict[str, Any]]]:
        for path in self.paths:
            for given in walk(params, path.removesuffix("[]")):
                if isinstance(given, Mapping) and (one := self.asked(given)):
                    yield one

    @staticmethod
    def asked(given: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """(what it is known by, how to ask for it) of a template; None where there is none.

        INVARIANT: an id and a name beside it may be of two templates, of which a backend takes the one that it likes:
        nobody is asked then, so that nothing is known of it.
        """
        own = {name.lower().removeprefix("launchtemplate"): value for name, value in given.items()}
        named = {f"LaunchTemplate{by}": own[by.lower()] for by in ("Id", "Name") if own.get(by.lower())}
        if len(named) != 1:
            return ("", {}) if named else None
        asked = {"Versions": [str(own.get("version") or "$Default")], **named}
        return f"launch template {asked!r}", asked

    @staticmethod
    def content(key: str, known: Mapping[str, str]) -> dict[str, Any] | None:
        """What is in a template; None where the backend does not show it."""
        found: dict[str, Any] | None = json.loads(known[key]) if known.get(key) else None
        return found

    def questions(self, params: Params) -> Iterator[Question]:
        """What is in each of them, and its id, in one call."""
        for key, asked in self._calls(params):
            if asked:
                call = ("ec2", "DescribeLaunchTemplateVersions", asked)
                yield Question(key, *call, "LaunchTemplateVersions.0.LaunchTemplateData", whole=True)
                yield Question(f"{key} id", *call, "LaunchTemplateVersions.0.LaunchTemplateId")

    def profiles(self, params: Params, known: Mapping[str, str]) -> Iterator[str]:
        """The profiles in them."""
        for key, _ in self._calls(params):
            profile = (self.content(key, known) or {}).get("IamInstanceProfile") or {}
            yield from filter(None, (profile.get(what) for what in ("Arn", "Name")))

    def resolve(self, params: Params, frame: Frame) -> Iterator[Authorization]:
        """The check for each role within; a template that the backend does not show may hold any."""
        if not all(frame.known.get(key) for key, _ in self._calls(params)):
            yield from _passed("", frame)
        for profile in dict.fromkeys(self.profiles(params, frame.known)):
            yield from _passed(profile, frame)


# https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options-general.html
# https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options-general-eks.html
_OPTIONS = {
    "servicerole": "elasticbeanstalk",
    "cluster-role": "eks",
    "node-role": "ec2",
    "observability-role": "pods.eks",
    "application-role": "pods.eks",
}
_PROFILE = "iaminstanceprofile"


@dataclass(frozen=True, slots=True)
class Options:
    """The settings of an environment of Elastic Beanstalk: roles by name or ARN, and the profile of its instances.

    `saved`: they may be in a saved configuration that is named.
    """

    saved: bool

    def questions(self, params: Params) -> Iterator[Question]:
        """What is in a saved configuration, whose roles the environment will have.

        https://docs.aws.amazon.com/elasticbeanstalk/latest/api/API_DescribeConfigurationSettings.html
        """
        if self.saved and params.get("TemplateName"):
            named = {name: params[name] for name in ("ApplicationName", "TemplateName") if params.get(name)}
            call = ("elasticbeanstalk", "DescribeConfigurationSettings", named)
            yield Question("saved", *call, "ConfigurationSettings.0", whole=True)

    def _given(self, params: Params, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        saved: dict[str, Any] = json.loads(known.get("saved") or "{}")
        for option in (*(params.get("OptionSettings") or ()), *(saved.get("OptionSettings") or ())):
            if option.get("Value"):
                yield str(option.get("OptionName", "")).lower(), str(option["Value"])

    def profiles(self, params: Params, known: Mapping[str, str]) -> Iterator[str]:
        """The profiles of instances."""
        yield from (value for name, value in self._given(params, known) if name == _PROFILE)

    def resolve(self, params: Params, frame: Frame) -> Iterator[Authorization]:
        """The check for each role; a saved configuration that the backend does not show may hold any."""
        if self.saved and params.get("TemplateName") and not frame.known.get("saved"):
            yield Authorization("iam:PassRole", "*", {}, exact=False)
        for name, value in self._given(params, frame.known):
            if name == _PROFILE:
                yield from _passed(value, frame)
            elif name in _OPTIONS or name.endswith("role"):
                service = f"{_OPTIONS.get(name, 'elasticbeanstalk')}.amazonaws.com"
                named = value.startswith("arn:aws:iam::") and ":role/" in value and safe(value.rpartition(":")[2], True)
                role = value if named else "" if value.startswith("arn:") or not frame.role else frame.role(value)
                yield Authorization("iam:PassRole", role or "*", {"iam:passedtoservice": service}, exact=bool(role))


_WITH_OPTIONS = frozenset(
    f"{verb}{what}" for verb in ("Create", "Update") for what in ("Environment", "ConfigurationTemplate")
)


def has_options(service: str, operation: str) -> bool:
    """Whether the settings of an environment are among the parameters."""
    return service == "elasticbeanstalk" and operation in _WITH_OPTIONS
