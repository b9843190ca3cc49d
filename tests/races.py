"""Two who ask at once, of one node or of two: what only one of them may get, and what only one may find."""

import json
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from writers import TRUST

Ask = Callable[[Any], object]  # with a client of IAM
ANYTHING = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}})
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def at_once(clients: Sequence[Any], asks: Sequence[Ask]) -> list[str]:
    """The code that each gets, "" where it succeeds; the clients take turns."""
    together = threading.Barrier(len(asks))

    def work(number: int) -> str:
        together.wait()
        try:
            asks[number](clients[number % len(clients)])
        except ClientError as refused:
            return str(refused.response["Error"]["Code"])
        return ""

    with ThreadPoolExecutor(len(asks)) as threads:
        return list(threads.map(work, range(len(asks))))


# Quota -> what makes one more for a user of that name, and how many of them it has room for.
QUOTAS: dict[str, tuple[Callable[[str, int], Ask], int]] = {
    "AccessKeysPerUser": (lambda user, _: lambda iam: iam.create_access_key(UserName=user), 2),
    "PoliciesPerUser": (lambda user, number: lambda iam: _attach(iam, user, number), 10),
    "GroupsPerUser": (lambda user, number: lambda iam: _join(iam, user, number), 10),
    "versions of a policy": (  # besides the first
        lambda user, _: lambda iam: iam.create_policy_version(PolicyArn=_policy(iam, user), PolicyDocument=ANYTHING),
        4,
    ),
}


def _attach(iam: Any, user: str, number: int) -> None:
    made = iam.create_policy(PolicyName=f"{user}-{number}", PolicyDocument=ANYTHING)["Policy"]
    iam.attach_user_policy(UserName=user, PolicyArn=made["Arn"])


def _join(iam: Any, user: str, number: int) -> None:
    iam.create_group(GroupName=f"{user}-{number}")
    iam.add_user_to_group(GroupName=f"{user}-{number}", UserName=user)


def _policy(iam: Any, name: str) -> str:
    return str(iam.get_user(UserName=name)["User"]["Arn"]).replace(":user/", ":policy/")


def over_quota(clients: Sequence[Any], quota: str) -> list[str]:
    """What 8 get who ask at once for the last one that there is room for."""
    ask, room = QUOTAS[quota]
    user = f"q{uuid.uuid4().hex[:12]}"
    clients[0].create_user(UserName=user)
    clients[0].create_policy(PolicyName=user, PolicyDocument=ANYTHING)
    for number in range(room - 1):
        ask(user, number)(clients[0])
    return sorted(at_once(clients, [ask(user, number) for number in range(room, room + 8)]))


def _user(iam: Any, name: str) -> None:
    iam.create_user(UserName=name)


def _user_and(make: Callable[[Any, str], object]) -> Callable[[Any, str], None]:
    def both(iam: Any, name: str) -> None:
        iam.create_user(UserName=name)
        make(iam, name)

    return both


# What is there before, and two of whom one alone succeeds: what the second finds is there no more, or is in use.
Before = Callable[[Any, str], object]
PAIRS: dict[str, tuple[Before, Callable[[str], Ask], Callable[[str], Ask]]] = {
    "a user, a key": (
        _user,
        lambda name: lambda iam: iam.delete_user(UserName=name),
        lambda name: lambda iam: iam.create_access_key(UserName=name),
    ),
    "a user, a password": (
        _user,
        lambda name: lambda iam: iam.delete_user(UserName=name),
        lambda name: lambda iam: iam.create_login_profile(UserName=name, Password="Correct-horse-1"),
    ),
    "a user, a policy": (
        _user,
        lambda name: lambda iam: iam.delete_user(UserName=name),
        lambda name: lambda iam: iam.attach_user_policy(UserName=name, PolicyArn=READ_ONLY),
    ),
    "a policy, a user": (
        _user_and(lambda iam, name: iam.create_policy(PolicyName=name, PolicyDocument=ANYTHING)),
        lambda name: lambda iam: iam.delete_policy(PolicyArn=_policy(iam, name)),
        lambda name: lambda iam: iam.attach_user_policy(UserName=name, PolicyArn=_policy(iam, name)),
    ),
    "a group, a user": (
        _user_and(lambda iam, name: iam.create_group(GroupName=name)),
        lambda name: lambda iam: iam.delete_group(GroupName=name),
        lambda name: lambda iam: iam.add_user_to_group(GroupName=name, UserName=name),
    ),
    "a role, a profile": (
        lambda iam, name: (
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST),
            iam.create_instance_profile(InstanceProfileName=name),
        ),
        lambda name: lambda iam: iam.delete_role(RoleName=name),
        lambda name: lambda iam: iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name),
    ),
    "the same name": (
        lambda *_: None,
        lambda name: lambda iam: iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST),
        lambda name: lambda iam: iam.create_role(RoleName=name.upper(), AssumeRolePolicyDocument=TRUST),
    ),
    "the same provider": (
        lambda *_: None,
        lambda name: lambda iam: iam.create_open_id_connect_provider(Url=f"https://{name}.example"),
        lambda name: lambda iam: iam.create_open_id_connect_provider(Url=f"https://{name}.example"),
    ),
}
REFUSALS = {"DeleteConflict", "NoSuchEntity", "EntityAlreadyExists"}


def rounds(clients: Sequence[Any], pair: str, number: int = 6) -> list[list[str]]:
    """What the two get, so many times; which of them comes first is chance."""
    before, one, other = PAIRS[pair]
    found = []
    for turn in range(number):
        name = f"r{uuid.uuid4().hex[:12]}"
        before(clients[0], name)
        asks = [one(name), other(name)]
        found.append(sorted(at_once(clients, asks if turn % 2 else asks[::-1])))
    return found


def one_alone(found: list[list[str]]) -> bool:
    """Did one of the two succeed each time, and the other one learn why it did not?"""
    return all(first == "" and second in REFUSALS for first, second in found)
