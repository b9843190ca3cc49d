"""Accounts as hypothesis draws them, and the document of GetAccountAuthorizationDetails that one of them makes."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

Shown = dict[str, Any]
_AWS = ("ReadOnlyAccess", "IAMReadOnlyAccess", "job-function/Billing")
_UNIQUE = itertools.count(1)  # unique ids are unique in the installation, whatever is drawn
_BEGIN = datetime(2015, 1, 1, tzinfo=UTC)
_NAME = st.text("aBz09+=,.@-_", min_size=1, max_size=12)
_PATH = st.text("aZ9%_~!*", max_size=8).map(lambda text: f"/{text}/" if text else "/")
_POLICY_PATH = st.sampled_from(["/", "/team/", "/a.b/c_d/", "/+@=,/-/"])  # AWS allows these fewer characters
_WORDS = st.text("aÉ語 9_.:/=+-@", max_size=12)
_DATE = st.integers(0, 300_000_000).map(lambda seconds: (_BEGIN + timedelta(seconds=seconds)).isoformat())
_TRUSTED = (
    {"Service": "ec2.amazonaws.com"},
    {"Service": ["ecs-tasks.amazonaws.com", "lambda.amazonaws.com"]},
    {"AWS": "arn:aws:iam::999988887777:root"},
    {"AWS": ["arn:aws:iam::999988887777:role/elsewhere", "AIDAGONEGONEGONEGONE1"]},
    {"Federated": "cognito-identity.amazonaws.com"},
    {"AWS": "*"},
)


def _lists(names: st.SearchStrategy[str], most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(names, max_size=most, unique_by=str.lower)


_TAGS = st.dictionaries(_WORDS.filter(lambda text: text.strip() != "" and not text.lower().startswith("aws:")), _WORDS,
                        max_size=3).filter(lambda tags: len({key.lower() for key in tags}) == len(tags))  # fmt: skip
_DOCUMENTS = st.builds(
    lambda effect, actions, word: {
        "Version": "2012-10-17",
        "Statement": [{"Effect": effect, "Action": actions, "Resource": "*",
                       "Condition": {"StringEquals": {"aws:PrincipalTag/team": word}}}],
    },
    st.sampled_from(["Allow", "Deny"]),
    st.lists(st.sampled_from(["s3:*", "sqs:SendMessage", "iam:Get*"]), min_size=1, max_size=3, unique=True),
    _WORDS,
)  # fmt: skip


@dataclass(frozen=True)
class Policy:
    """A managed policy; the versions by number."""

    name: str
    path: str
    created: str
    description: str | None
    versions: Mapping[int, Shown]
    default: int


@dataclass(frozen=True)
class Owner:
    """A user, group or role. Attached are numbers of the account's own policies, and paths and names of AWS's."""

    name: str
    path: str = "/"
    created: str = _BEGIN.isoformat()
    tags: Mapping[str, str] = field(default_factory=dict)
    inline: Mapping[str, Shown] = field(default_factory=dict)
    attached: Iterable[int | str] = ()
    boundary: int | None = None
    groups: Iterable[str] = ()
    trust: tuple[Shown, ...] = (_TRUSTED[0],)
    profiles: Iterable[str] = ()


@dataclass(frozen=True)
class Drawn:
    """An account without ids."""

    policies: list[Policy]
    groups: list[Owner]
    users: list[Owner]
    roles: list[Owner]


@st.composite
def accounts(draw: st.DrawFn) -> Drawn:
    policies = [draw(_policies(name)) for name in draw(_lists(_NAME, 3))]
    own = range(len(policies))
    attached = st.lists(st.sampled_from([*own, *_AWS]), max_size=3, unique=True)
    owner: Shown = {
        "path": _PATH,
        "created": _DATE,
        "inline": _lists(_NAME, 2).flatmap(lambda names: st.fixed_dictionaries(dict.fromkeys(names, _DOCUMENTS))),
        "attached": attached,
    }
    groups = [draw(st.builds(Owner, st.just(name), **owner)) for name in draw(_lists(_NAME, 2))]
    person = owner | {"tags": _TAGS, "boundary": st.sampled_from([None, *own])}
    joined = st.lists(st.sampled_from([group.name for group in groups]), unique=True) if groups else st.just([])
    names = draw(_lists(_NAME.filter(lambda name: name.lower() != "admin"), 3))
    users = [draw(st.builds(Owner, st.just(name), **person, groups=joined)) for name in names]
    profiles = iter(draw(_lists(_NAME, 3)))
    trust = st.lists(st.sampled_from(_TRUSTED), min_size=1, max_size=2).map(tuple)
    roles = [
        draw(st.builds(Owner, st.just(name), **person, trust=trust, profiles=st.just([*itertools.islice(profiles, 1)])))
        for name in draw(_lists(_NAME, 4))
    ]
    return Drawn(policies, groups, users, roles)


@st.composite
def _policies(draw: st.DrawFn, name: str) -> Policy:
    numbers = draw(st.sets(st.integers(1, 40), min_size=1, max_size=5))
    description = draw(st.none() | st.text("ab é", max_size=9))
    versions = {number: draw(_DOCUMENTS) for number in sorted(numbers)}
    return Policy(name, draw(_POLICY_PATH), draw(_DATE), description, versions, draw(st.sampled_from(sorted(numbers))))


def document(drawn: Drawn, account: str) -> Shown:
    """As the AWS CLI prints the account."""
    arns = [f"arn:aws:iam::{account}:policy{each.path}{each.name}" for each in drawn.policies]
    owners = [*drawn.groups, *drawn.users, *drawn.roles]
    return {
        "UserDetailList": [
            _owner("User", each, account, arns) | {"GroupList": sorted(each.groups, key=str.lower)}
            for each in drawn.users
        ],
        "GroupDetailList": [_owner("Group", each, account, arns) for each in drawn.groups],
        "RoleDetailList": [_role(each, account, arns) for each in drawn.roles],
        "Policies": [_policy(number, each, arns, owners) for number, each in enumerate(drawn.policies)],
    }


def _id(prefix: str) -> str:
    return f"{prefix}GEN{next(_UNIQUE):013d}"


def _tags(tags: Mapping[str, str]) -> list[Shown]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _owner(word: str, each: Owner, account: str, arns: list[str]) -> Shown:
    held = [arns[one] if isinstance(one, int) else f"arn:aws:iam::aws:policy/{one}" for one in each.attached]
    bound = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arns[each.boundary or 0]} if arns else {}
    return {
        "Path": each.path,
        f"{word}Name": each.name,
        f"{word}Id": _id({"User": "AIDA", "Group": "AGPA", "Role": "AROA"}[word]),
        "Arn": f"arn:aws:iam::{account}:{word.lower()}{each.path}{each.name}",
        "CreateDate": each.created,
        f"{word}PolicyList": [{"PolicyName": name, "PolicyDocument": text} for name, text in each.inline.items()],
        "AttachedManagedPolicies": [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in held],
        "PermissionsBoundary": bound if each.boundary is not None else {},
        "Tags": _tags(each.tags),
    }


def _role(each: Owner, account: str, arns: list[str]) -> Shown:
    statements = [{"Effect": "Allow", "Principal": one, "Action": "sts:AssumeRole"} for one in each.trust]
    trust = {"Version": "2012-10-17", "Statement": statements}
    made = _owner("Role", each, account, arns)
    inner = {name: made[name] for name in ("Path", "RoleName", "RoleId", "Arn", "CreateDate")}
    profiles = [
        {
            "Path": each.path,
            "InstanceProfileName": name,
            "InstanceProfileId": _id("AIPA"),
            "Arn": f"arn:aws:iam::{account}:instance-profile{each.path}{name}",
            "CreateDate": each.created,
            "Roles": [inner | {"AssumeRolePolicyDocument": trust}],
        }
        for name in each.profiles
    ]
    return made | {"AssumeRolePolicyDocument": trust, "InstanceProfileList": profiles, "RoleLastUsed": {}}


def _policy(number: int, each: Policy, arns: list[str], owners: list[Owner]) -> Shown:
    versions = [
        {"VersionId": f"v{one}", "IsDefaultVersion": one == each.default, "CreateDate": each.created, "Document": text}
        for one, text in each.versions.items()
    ]
    return {
        "PolicyName": each.name,
        "PolicyId": _id("ANPA"),
        "Arn": arns[number],
        "Path": each.path,
        "DefaultVersionId": f"v{each.default}",
        "AttachmentCount": sum(number in owner.attached for owner in owners),
        "PermissionsBoundaryUsageCount": sum(number == owner.boundary for owner in owners),
        "IsAttachable": True,
        "CreateDate": each.created,
        "UpdateDate": each.created,
        "PolicyVersionList": versions,
    } | ({"Description": each.description} if each.description is not None else {})


def ordered(shown: Any) -> Any:
    """Lists of things by their names, and without what is empty."""
    if isinstance(shown, dict):
        return {name: ordered(value) for name, value in shown.items() if value not in ([], {})}
    if not isinstance(shown, list):
        return shown
    return sorted((ordered(each) for each in shown), key=_known_by)


def _known_by(each: Any) -> str:
    keys = ("UserName", "GroupName", "RoleName", "InstanceProfileName", "PolicyName", "VersionId", "Key")
    return next((str(each[key]) for key in keys if key in each), "") if isinstance(each, dict) else ""
