"""Attacks on instances, with real containers: each must fail, and beside each stands what shows that it could succeed.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from story import INSIDE, Server, eventually, metadata, running
from world import (
    ALL_BUT_PASSING,
    CREDENTIALS,
    Instance,
    adopt,
    asks,
    association,
    client,
    control,
    kansatsu,
    make_profile,
    make_role,
    role_arn,
    session_arn,
    shown,
    speaks_for,
    state,
    who_inside,
    whoami,
)

from containers import Container, Engine

pytestmark = pytest.mark.root
ON_THE_WIRE = ("NET_ADMIN", "NET_RAW")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("attacks"), engine.url, real_time=True) as started:
        yield started


@pytest.fixture(scope="module")
def pair(server: Server, keep_container: Callable[..., Container]) -> tuple[Instance, Instance]:
    """Two instances with a role each, on one network."""
    made = []
    for role in ("alpha", "beta"):
        make_profile(server, role)
        container = keep_container("python", env=INSIDE)
        made.append(Instance(container, adopt(server, container, role), role))
    return made[0], made[1]


# ---- neighbours on the network -------------------------------------------------------------------------------------

REACH = """
import json, socket, sys
for address, port in json.loads(sys.argv[1]):
    try:
        socket.create_connection((address, port), 0.7).close()
        print(json.dumps([address, port]))
    except OSError:
        pass
"""


def reached(container: Container, *targets: tuple[str, int]) -> list[tuple[str, int]]:
    """Those addresses and ports to which a TCP connection from inside succeeds."""
    lines = container.exec("python3", "-c", REACH, json.dumps(targets)).stdout.splitlines()
    return [tuple(json.loads(line)) for line in lines]


def listening(container: Container) -> set[int]:
    """The TCP ports on which anything in the container's network namespace listens."""
    lines = Path(f"/proc/{container.pid()}/net/tcp").read_text().splitlines()[1:]
    return {int(fields[1].split(":")[1], 16) for line in lines if (fields := line.split())[3] == "0A"}


def test_a_neighbour_that_routes_the_address_here_gets_nothing(
    pair: tuple[Instance, Instance], run_container: Callable[..., Container]
) -> None:
    victim = pair[0].container
    neighbour = run_container("python", cap_add=ON_THE_WIRE)
    neighbour.exec("ip", "route", "add", "169.254.169.254/32", "via", victim.address())
    ours = listening(victim)
    assert ours
    with victim.spawn("python3", "-m", "http.server", "8099", "--bind", "0.0.0.0"):
        # Control: the route leads into the victim, whose own server answers at this very address.
        eventually(lambda: reached(neighbour, ("169.254.169.254", 8099)))
        ports = sorted({80, 4566, *ours} - {8099})
        attacked = [(address, port) for address in ("169.254.169.254", victim.address()) for port in ports]
        assert reached(neighbour, *attacked) == []
    # Control: the victim itself is served all the while.
    assert reached(victim, ("169.254.169.254", 80), ("127.0.0.1", 4566)) == [
        ("169.254.169.254", 80),
        ("127.0.0.1", 4566),
    ]


def test_a_neighbour_that_claims_the_address_serves_nobody(
    pair: tuple[Instance, Instance], run_container: Callable[..., Container]
) -> None:
    """It gives itself 169.254.169.254, and listens: no instance asks it, because theirs is on their own loopback."""
    impostor = run_container("python", cap_add=ON_THE_WIRE)
    bystander = run_container("python", cap_add=ON_THE_WIRE)
    impostor.exec("ip", "addr", "add", "169.254.169.254/32", "dev", "eth0")
    bystander.exec("ip", "route", "add", "169.254.169.254/32", "via", impostor.address())
    with impostor.spawn("python3", "-m", "http.server", "80", "--bind", "0.0.0.0"):
        eventually(lambda: reached(bystander, ("169.254.169.254", 80)))
        for instance in pair:
            assert metadata(instance.container, "/latest/meta-data/instance-id")["body"] == instance.id


def test_a_token_is_good_for_one_instance_only(pair: tuple[Instance, Instance]) -> None:
    first, second = pair
    token = metadata(first.container, CREDENTIALS)["token"]
    assert metadata(first.container, CREDENTIALS, token=token)["body"] == first.role
    assert metadata(second.container, CREDENTIALS, token=token)["status"] == 401
    for wrong in (token[:-4], token[4:], "A" * len(token), token.swapcase()):
        assert metadata(first.container, CREDENTIALS, token=wrong)["status"] == 401


def test_a_forwarded_request_gets_no_token(pair: tuple[Instance, Instance]) -> None:
    assert metadata(pair[0].container, CREDENTIALS, put={"X-Forwarded": "1.2.3.4"})["status"] == 200
    for header in ("X-Forwarded-For", "x-forwarded-for"):
        answer = metadata(pair[0].container, CREDENTIALS, put={header: "127.0.0.1"})
        assert (answer["status"], answer["body"]) == (403, "")


# ---- iam:PassRole --------------------------------------------------------------------------------------------------


def test_without_pass_role_nobody_hands_out_a_role(
    server: Server, run_container: Callable[..., Container], image: Callable[[str], str]
) -> None:
    for role in ("powerful", "modest"):
        make_profile(server, role)
    client(server, "iam").create_instance_profile(InstanceProfileName="empty")
    free, held = run_container("python"), run_container("python")
    free_id, held_id = adopt(server, free), adopt(server, held, "modest")
    before = association(server, held_id)
    [ami] = {
        item["ImageId"]
        for item in client(server, "ec2").describe_images(Owners=["self"])["Images"]
        if "kansatsu-test/python" in item["Name"]
    }
    count = len(client(server, "ec2").describe_instances()["Reservations"])
    server.user("mallory", ALL_BUT_PASSING)
    server.user("chief", ALL_BUT_PASSING)
    client(server, "iam").put_user_policy(
        UserName="chief",
        PolicyName="pass",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": role_arn("powerful")}],
            }
        ),
    )
    wanted = {"IamInstanceProfile": {"Name": "powerful"}}
    attempts: dict[str, tuple[str, dict[str, Any]]] = {
        "associate_iam_instance_profile": ("ec2", {"InstanceId": free_id, **wanted}),
        "replace_iam_instance_profile_association": ("ec2", {"AssociationId": before, **wanted}),
        "run_instances": ("ec2", {"ImageId": ami, "MinCount": 1, "MaxCount": 1, **wanted}),
        "add_role_to_instance_profile": ("iam", {"InstanceProfileName": "empty", "RoleName": "powerful"}),
    }

    def tries(user: str, name: str, **more: Any) -> str:
        service, asked = attempts[name]
        try:
            getattr(client(server, service, user), name)(**asked, **more)
        except ClientError as error:
            return str(error)
        return "done"

    refusal = f"not authorized to perform: iam:PassRole on resource: {role_arn('powerful')} because no identity-based"
    for name, (service, _) in attempts.items():
        said = tries("mallory", name)
        assert refusal in said, (name, said)
        assert ("AccessDenied" if service == "iam" else "UnauthorizedOperation") in said, (name, said)
    for asked in ({"Container": free.name, "InstanceProfile": "powerful"},):
        with pytest.raises(ClientError, match="iam:PassRole on resource: " + role_arn("powerful")):
            control(server, "mallory").register_instance(**asked)

    # Nothing has changed.
    assert "IamInstanceProfile" not in shown(server, free_id)
    assert association(server, held_id) == before
    assert len(client(server, "ec2").describe_instances()["Reservations"]) == count
    empty = client(server, "iam").get_instance_profile(InstanceProfileName="empty")["InstanceProfile"]
    assert empty["Roles"] == []
    assert metadata(free, CREDENTIALS)["status"] == 404
    assert metadata(held, CREDENTIALS)["body"] == "modest"

    # Control: the one permission was all that was missing, and it is enough for this role only.
    assert "DryRunOperation" in tries("chief", "run_instances", DryRun=True)
    for name in attempts.keys() - {"run_instances"}:
        assert tries("chief", name) == "done", name
    assert eventually(lambda: metadata(free, CREDENTIALS)["body"] == "powerful")
    asked = {"AssociationId": association(server, held_id), "IamInstanceProfile": {"Name": "modest"}}
    with pytest.raises(ClientError, match="iam:PassRole on resource: " + role_arn("modest")):
        client(server, "ec2", "chief").replace_iam_instance_profile_association(**asked)


# ---- session tokens ------------------------------------------------------------------------------------------------


def flipped(token: str, at: int) -> str:
    """The token with another character at one place."""
    return token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]


def test_forged_truncated_and_spliced_tokens_are_refused(server: Server, pair: tuple[Instance, Instance]) -> None:
    one, other = (instance.document() for instance in pair)
    key, secret, token = one["AccessKeyId"], one["SecretAccessKey"], one["Token"]
    assert speaks_for(server, one) == session_arn(pair[0].role, pair[0].id)
    assert speaks_for(server, other) == session_arn(pair[1].role, pair[1].id)
    half = len(token) // 2
    forged: dict[str, tuple[str, str, str | None]] = {
        "no token": (key, secret, None),
        "the neighbour's token": (key, secret, other["Token"]),
        "the neighbour's key": (other["AccessKeyId"], secret, token),
        "the neighbour's secret": (key, other["SecretAccessKey"], token),
        "the neighbour's key and secret": (other["AccessKeyId"], other["SecretAccessKey"], token),
        "the administrator's key": (*server.admin(), token),
        "first half here, second there": (key, secret, token[:half] + other["Token"][half:]),
        "first half there, second here": (key, secret, other["Token"][:half] + token[half:]),
        "there with the neighbour's key": (
            *(other["AccessKeyId"], other["SecretAccessKey"], token[:half] + other["Token"][half:]),
        ),
        "twice": (key, secret, token + token),
        "longer": (key, secret, token + "AAAA"),
        "not base64": (key, secret, "!" + token[1:]),
        "invented": (key, secret, "FwoGZXIvYXdzE" + "A" * 300),
    }
    forged |= {f"cut to {size}": (key, secret, token[:size]) for size in (1, 4, 16, half, len(token) - 4)}
    places = range(0, len(token) - 4, len(token) // 12)
    forged |= {f"changed at {at}": (key, secret, flipped(token, at)) for at in places}
    said = {name: whoami(server, *credentials) for name, credentials in forged.items()}
    assert {name: text for name, text in said.items() if text.startswith("arn:")} == {}
    assert set(said.values()) <= {"InvalidClientTokenId", "SignatureDoesNotMatch"}
    # S3 and a service behind the backend see no more in them.
    for name in ("no token", "the neighbour's token", "twice"):
        access, hidden, sealed = forged[name]
        for service, call in (("s3", "list_buckets"), ("sqs", "list_queues")):
            with pytest.raises(ClientError) as caught:
                getattr(server.client(service, (access, hidden), sealed), call)()
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 401, 403), (name, service)


def test_fetched_credentials_are_bearer_credentials_of_their_own_role(
    server: Server, pair: tuple[Instance, Instance]
) -> None:
    """What holds, as on AWS: whoever is handed the document is that instance's session, wherever he is, and no more."""
    first, second = pair
    document = first.document()
    env = {
        **INSIDE,
        "AWS_ACCESS_KEY_ID": document["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": document["SecretAccessKey"],
        "AWS_SESSION_TOKEN": document["Token"],
    }
    found = second.container.exec("aws", "sts", "get-caller-identity", env=env)
    assert json.loads(found.stdout)["Arn"] == session_arn(first.role, first.id)
    refused = second.container.exec("aws", "iam", "list-users", env=env, check=False)
    assert f"{session_arn(first.role, first.id)} is not authorized to perform: iam:ListUsers" in refused.stderr
    assert who_inside(second.container) == session_arn(second.role, second.id)


# ---- who is who over time ------------------------------------------------------------------------------------------


def test_a_restarted_container_is_itself_and_a_new_one_of_its_name_is_nobody(
    server: Server, run_container: Callable[..., Container]
) -> None:
    make_profile(server, "returning")
    name, env = "kansatsu-test-returning", {"env": INSIDE}
    container = run_container("python", name=name, **env)
    instance = Instance(container, adopt(server, container, "returning"), "returning")
    before, address = instance.document(), container.address()

    container.restart()
    eventually(lambda: asks(container) == instance.id)
    assert instance.document()["Code"] == "Success"
    assert who_inside(container) == session_arn("returning", instance.id)
    container.stop()
    eventually(lambda: state(server, instance.id) == "stopped")
    container.start()
    eventually(lambda: asks(container) == instance.id)
    assert speaks_for(server, before) == session_arn("returning", instance.id)

    # The container goes: so does the instance, and what it was given.
    container.remove()
    eventually(lambda: state(server, instance.id) == "terminated")
    eventually(lambda: speaks_for(server, before) in ("InvalidClientTokenId", "ExpiredToken"))

    # Its name and its address, used again: nobody, until somebody registers it, and then somebody else.
    heir = run_container("python", name=name, address=address, **env)
    assert heir.address() == address
    assert asks(heir) == "nobody"
    fresh = adopt(server, heir)
    assert fresh != instance.id
    assert metadata(heir, CREDENTIALS)["status"] == 404
    assert state(server, instance.id) == "terminated"


# ---- namespaces that are not the container's own -------------------------------------------------------------------


def test_a_container_on_the_hosts_network_is_refused(server: Server, run_container: Callable[..., Container]) -> None:
    container = run_container("python", on="host")
    said = kansatsu(server, "instance", "register", "--container", container.name)
    assert said.returncode != 0
    assert f"Container {container.name} uses the host's network: its role would be that of every process" in said.stderr
    assert "Start it with a network of its own." in said.stderr
    assert unknown(server, container)


def test_two_containers_in_one_namespace_are_not_two_instances(
    server: Server, pair: tuple[Instance, Instance], run_container: Callable[..., Container]
) -> None:
    holder = pair[0]
    rider = run_container("python", on=f"container:{holder.container.name}", env=INSIDE)
    said = kansatsu(server, "instance", "register", "--container", rider.name, "--instance-profile", "beta")
    assert said.returncode != 0
    assert f"Container {rider.name} shares its network with instance {holder.id}: the two would have one identity." in (
        said.stderr
    )
    assert unknown(server, rider)
    # What holds: who shares a network namespace shares its endpoint, as processes of one machine do.
    assert asks(rider) == holder.id


def test_a_label_does_not_open_these_doors_either(
    server: Server, pair: tuple[Instance, Instance], run_container: Callable[..., Container]
) -> None:
    labels = {"kansatsu.instance-profile": "beta"}
    doors = {
        run_container("python", on="host", labels=labels).id: "uses the host's network",
        run_container("python", on=f"container:{pair[0].container.name}", labels=labels).id: "shares its network with",
    }
    honest = run_container("python", labels=labels)
    eventually(lambda: not unknown(server, honest))

    def refused() -> dict[str, str]:
        return {item["Container"]: item["Reason"] for item in control(server).describe_workloads()["Refused"]}

    eventually(lambda: doors.keys() <= refused().keys())
    assert all(why in refused()[container] for container, why in doors.items())


def unknown(server: Server, container: Container) -> bool:
    """Whether no instance is this container."""
    workloads: list[dict[str, Any]] = control(server).describe_workloads()["Workloads"]
    return container.id not in {item.get("Container") for item in workloads}


def test_a_role_that_trusts_somebody_else_is_not_delivered(
    server: Server, run_container: Callable[..., Container]
) -> None:
    make_role(server, "for-lambda", service="lambda.amazonaws.com")
    iam = client(server, "iam")
    iam.create_instance_profile(InstanceProfileName="for-lambda")
    iam.add_role_to_instance_profile(InstanceProfileName="for-lambda", RoleName="for-lambda")
    container = run_container("python", env=INSIDE)
    adopt(server, container)
    control(server).register_instance(Container=container.name, InstanceProfile="for-lambda")
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html
    given = json.loads(metadata(container, CREDENTIALS + "for-lambda")["body"])
    assert given["Code"] == "AssumeRoleUnauthorizedAccess"
    assert not {"AccessKeyId", "SecretAccessKey", "Token"} & given.keys()
    assert who_inside(container) == "NoCredentialsError"
