"""What becomes of credentials that were handed out, when the association, the role or the profile behind them goes.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-roles-for-amazon-ec2.html
"""

from collections.abc import Callable, Iterator

import pytest
from story import INSIDE, Server, eventually, metadata, running
from world import (
    CREDENTIALS,
    Instance,
    adopt,
    association,
    client,
    make_profile,
    session_arn,
    speaks_for,
    who_inside,
)

from containers import Container, Engine

pytestmark = pytest.mark.root
REFUSED = "InvalidClientTokenId"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("revocation"), engine.url, real_time=True) as started:
        yield started


@pytest.fixture
def instance(
    server: Server, run_container: Callable[..., Container], request: pytest.FixtureRequest
) -> tuple[Instance, dict[str, str]]:
    """An instance with a role named after the test, and the credentials that it was given."""
    return with_role(server, run_container, request.node.originalname.removeprefix("test_")[:30])


def with_role(server: Server, run_container: Callable[..., Container], role: str) -> tuple[Instance, dict[str, str]]:
    make_profile(server, role)
    container = run_container("python", env=INSIDE)
    made = Instance(container, adopt(server, container, role), role)
    document = made.document()
    assert speaks_for(server, document) == session_arn(role, made.id)
    return made, document


def dead(server: Server, document: dict[str, str]) -> None:
    """The credentials are refused before long, and from then on. How soon: benchmarks/workloads.py, `attach`."""
    eventually(lambda: speaks_for(server, document) == REFUSED)
    assert speaks_for(server, document) == REFUSED


def empty_role(server: Server, name: str) -> None:
    """Take a role out of its profile, and its policy away, as DeleteRole demands."""
    iam = client(server, "iam")
    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
    iam.delete_role_policy(RoleName=name, PolicyName="what-it-may")


def replace(server: Server, instance: Instance, profile: str) -> None:
    client(server, "ec2").replace_iam_instance_profile_association(
        AssociationId=association(server, instance.id), IamInstanceProfile={"Name": profile}
    )


def disassociate(server: Server, instance: Instance) -> None:
    client(server, "ec2").disassociate_iam_instance_profile(AssociationId=association(server, instance.id))


def test_disassociated(server: Server, instance: tuple[Instance, dict[str, str]]) -> None:
    one, document = instance
    disassociate(server, one)
    dead(server, document)
    assert metadata(one.container, CREDENTIALS)["status"] == 404
    assert who_inside(one.container) == "NoCredentialsError"
    # The same profile, associated again, is another association: its sessions live, the old ones stay dead.
    client(server, "ec2").associate_iam_instance_profile(InstanceId=one.id, IamInstanceProfile={"Name": one.role})
    assert speaks_for(server, one.document()) == session_arn(one.role, one.id)
    assert speaks_for(server, document) == REFUSED


def test_role_deleted(server: Server, instance: tuple[Instance, dict[str, str]]) -> None:
    one, document = instance
    empty_role(server, one.role)
    # Out of its profile it is not handed out any more; what was, is good to its end, as on AWS.
    assert metadata(one.container, CREDENTIALS + one.role)["status"] == 404
    assert speaks_for(server, document) == session_arn(one.role, one.id)
    client(server, "iam").delete_role(RoleName=one.role)
    dead(server, document)
    # A new role of the same name is another role: the dead do not rise.
    iam = client(server, "iam")
    trusted = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},'
    iam.create_role(RoleName=one.role, AssumeRolePolicyDocument=trusted + '"Action":"sts:AssumeRole"}]}')
    assert speaks_for(server, document) == REFUSED
    iam.add_role_to_instance_profile(InstanceProfileName=one.role, RoleName=one.role)
    assert speaks_for(server, eventually(one.document)) == session_arn(one.role, one.id)
    assert speaks_for(server, document) == REFUSED


def test_profile_deleted(server: Server, instance: tuple[Instance, dict[str, str]]) -> None:
    one, document = instance
    iam = client(server, "iam")
    iam.remove_role_from_instance_profile(InstanceProfileName=one.role, RoleName=one.role)
    iam.delete_instance_profile(InstanceProfileName=one.role)
    dead(server, document)
    assert metadata(one.container, CREDENTIALS + one.role)["status"] == 404
    # Made again under its name it is another profile, and the instance does not have it.
    iam.create_instance_profile(InstanceProfileName=one.role)
    iam.add_role_to_instance_profile(InstanceProfileName=one.role, RoleName=one.role)
    assert metadata(one.container, CREDENTIALS + one.role)["status"] == 404
    assert who_inside(one.container) == "NoCredentialsError"


def test_replaced(server: Server, instance: tuple[Instance, dict[str, str]]) -> None:
    one, document = instance
    make_profile(server, "successor")
    replace(server, one, "successor")
    eventually(lambda: metadata(one.container, CREDENTIALS)["body"] == "successor")
    assert who_inside(one.container) == session_arn("successor", one.id)
    assert speaks_for(server, document) == session_arn(one.role, one.id)
    # What the session was issued through has gone: the role's end is still its own.
    empty_role(server, one.role)
    client(server, "iam").delete_role(RoleName=one.role)
    dead(server, document)


def test_revoke_on_replace(
    tmp_path_factory: pytest.TempPathFactory, engine: Engine, run_container: Callable[..., Container]
) -> None:
    with running(tmp_path_factory.mktemp("replace"), engine.url, "--revoke-on", "replace", real_time=True) as server:
        one, document = with_role(server, run_container, "before")
        make_profile(server, "after")
        replace(server, one, "after")
        dead(server, document)
        heir = Instance(one.container, one.id, "after")
        second = heir.document()
        assert speaks_for(server, second) == session_arn("after", one.id)
        disassociate(server, heir)
        dead(server, second)


def test_revoke_on_never(
    tmp_path_factory: pytest.TempPathFactory, engine: Engine, run_container: Callable[..., Container]
) -> None:
    with running(tmp_path_factory.mktemp("never"), engine.url, "--revoke-on", "never", real_time=True) as server:
        one, document = with_role(server, run_container, "lasting")
        make_profile(server, "after")
        replace(server, one, "after")
        second = Instance(one.container, one.id, "after").document()
        disassociate(server, one)
        assert metadata(one.container, CREDENTIALS)["status"] == 404
        for role, given in (("lasting", document), ("after", second)):
            assert speaks_for(server, given) == session_arn(role, one.id)
        # A role that does not exist any more has no sessions whatever the setting.
        empty_role(server, "lasting")
        client(server, "iam").delete_role(RoleName="lasting")
        dead(server, document)
