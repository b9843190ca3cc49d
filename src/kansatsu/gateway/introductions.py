"""The embedded backend is told of the roles that a request hands over: its Lambda and Batch refuse any that they miss.

Identities are ours alone. What it is told is a name and a path, with a trust policy that trusts nobody.
"""

import json
from collections.abc import Iterable

from kansatsu import backends
from kansatsu.backends import Backend, EmbeddedBackend
from kansatsu.catalog import Authorization
from kansatsu.errors import AwsError
from kansatsu.identity import Snapshot

_NOBODY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
)


async def introduce(
    backend: Backend, account: str, region: str, authorizations: Iterable[Authorization], snapshot: Snapshot
) -> None:
    """Make those roles known that are passed and that exist; a role that does not is the backend's to refuse."""
    if not isinstance(backend, EmbeddedBackend):
        return
    for item in authorizations:
        name = item.resource.rpartition("/")[2]
        role = snapshot.find(account, "role", name) if item.action == "iam:PassRole" else None
        if role is None or role.arn != item.resource:
            continue
        given = {"RoleName": role.name, "Path": role.path, "AssumeRolePolicyDocument": _NOBODY}
        try:
            await backends.ask(backend, account, region, "iam", "CreateRole", given)
        except AwsError as error:
            if error.code != "EntityAlreadyExists":
                raise
