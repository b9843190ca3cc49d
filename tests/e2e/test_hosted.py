"""Users and services of one host with a role each, by nftables: in a network namespace that this test makes.

The address is asked for on an interface that leads nowhere, so that no real metadata service is ever reached.
"""

import contextlib
import ctypes
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from story import Server, eventually, running
from world import CREDENTIALS, client, control, kansatsu, make_profile

from kansatsu.workload import peers

pytestmark = pytest.mark.root
APP, WORKER, STRANGER = 65534, 65533, 65532
ID = "/latest/meta-data/instance-id"
ASK = """
base=${BASE:-http://169.254.169.254}
ttl='X-aws-ec2-metadata-token-ttl-seconds: 60'
curl="curl -s --connect-timeout 2 -m 60"
token=$($curl -f -X PUT -H "$ttl" $base/latest/api/token) || { echo nobody; exit; }
$curl -H "X-aws-ec2-metadata-token: $token" $base$0 || echo "curl: $?"
"""


@pytest.fixture(scope="module")
def network() -> Iterator[None]:
    """This process, and what it starts, in a network of its own, with a default route to nowhere."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    assert libc.unshare(0x40000000) == 0
    try:
        for words in (
            "link set lo up",
            "link add kansatsu0 type veth peer name kansatsu1",
            "addr add 192.0.2.1/24 dev kansatsu0",
            "link set kansatsu1 up",
            "link set kansatsu0 up",
            "route add default dev kansatsu0",
        ):
            subprocess.run(["ip", *words.split()], check=True, env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"})
        yield
    finally:
        assert libc.setns(home, 0x40000000) == 0
        os.close(home)


@pytest.fixture(scope="module")
def server(network: None) -> Iterator[Server]:
    with (
        tempfile.TemporaryDirectory(prefix="kansatsu-") as parent,
        running(Path(parent), "none", real_time=True) as started,
    ):
        for name in ("app-role", "worker-role", "service-role"):
            make_profile(started, name)
        yield started


@pytest.fixture(autouse=True)
def none_left(server: Server) -> Iterator[None]:
    """A test that fails leaves its registrations to no other."""
    yield
    if server.process is not None and server.process.poll() is not None:
        server.start()
    for left in control(server).describe_workloads()["Workloads"]:
        control(server).deregister_instance(InstanceId=left["Id"])


def asks(uid: int, path: str = ID, base: str = "", cgroup: Path | None = None) -> str:
    """What a process of this user is told there; "nobody" where nobody answers."""
    into = f"echo $$ > {cgroup}/cgroup.procs && " if cgroup else ""
    become = f'exec setpriv --reuid={uid} --regid={uid} --clear-groups sh -c "$0" "$1"'
    env = {"PATH": os.environ["PATH"], **({"BASE": base} if base else {})}
    done = subprocess.run(["sh", "-c", into + become, ASK, path], capture_output=True, text=True, env=env, check=False)
    return done.stdout.strip()


def register(server: Server, profile: str, **who: int | str) -> str:
    found: str = control(server).register_instance(**who, InstanceProfile=profile)["Workload"]["Id"]
    return found


@contextlib.contextmanager
def group(name: str) -> Iterator[Path]:
    """A control group of the test's own."""
    root = peers.cgroup_root()
    assert root is not None
    path = root / name
    path.mkdir()
    try:
        yield path
    finally:
        with contextlib.suppress(OSError):
            path.rmdir()


def tables() -> str:
    env = {"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"}
    return subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True, env=env).stdout


def listening() -> set[int]:
    """TCP ports on which somebody listens in this network."""
    lines = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return {int(fields[1].rpartition(":")[2], 16) for fields in lines if fields[3] == "0A"}


def test_every_user_has_his_own_role_and_nobody_elses(server: Server) -> None:
    """Also not on the ports of loopback that the rules lead to: not even the same user, past the rule."""
    before = listening()
    app, worker = register(server, "app-role", Uid=APP), register(server, "worker-role", Uid=WORKER)
    assert (asks(APP), asks(WORKER)) == (app, worker)
    assert (asks(APP, CREDENTIALS), asks(WORKER, CREDENTIALS)) == ("app-role", "worker-role")
    assert (asks(STRANGER), asks(0)) == ("nobody", "nobody")
    ports = listening() - before
    assert len(ports) == 2
    for port in ports:
        assert {asks(uid, base=f"http://127.0.0.1:{port}") for uid in (APP, WORKER, STRANGER, 0)} == {"nobody"}
    # Another profile without a restart of anything.
    ec2 = client(server, "ec2")
    wanted = [{"Name": "instance-id", "Values": [app]}]
    [held] = ec2.describe_iam_instance_profile_associations(Filters=wanted)["IamInstanceProfileAssociations"]
    ec2.replace_iam_instance_profile_association(
        AssociationId=held["AssociationId"], IamInstanceProfile={"Name": "service-role"}
    )
    assert asks(APP, CREDENTIALS) == "service-role"
    # Killed: no rule is left that leads to a port which anybody may take now, and after the restart all is as it was.
    server.end(kill=True)
    eventually(lambda: not listening() & ports and "kansatsu" not in tables())
    assert asks(APP) == "nobody"
    server.start()
    eventually(lambda: asks(APP) == app)
    assert (asks(APP, CREDENTIALS), asks(WORKER), asks(WORKER, CREDENTIALS)) == ("service-role", worker, "worker-role")
    # Taken away.
    shown = kansatsu(server, "instance", "ls").stdout
    assert f"user {APP}" in shown and "worker-role" in shown
    assert kansatsu(server, "instance", "rm", app).returncode == 0
    assert (asks(APP), asks(WORKER)) == ("nobody", worker)
    control(server).deregister_instance(InstanceId=worker)
    assert asks(WORKER) == "nobody"


def test_a_service_has_its_own_role_whoever_runs_it(server: Server) -> None:
    user = register(server, "app-role", Uid=APP)
    with group(f"kansatsu-test-{os.getpid()}") as path:
        service = register(server, "service-role", Cgroup=f"/{path.name}")
        assert (asks(APP, cgroup=path), asks(STRANGER, CREDENTIALS, cgroup=path)) == (service, "service-role")
        assert (asks(APP), asks(STRANGER)) == (user, "nobody")
        # Started again, it has another control group of the same name.
        path.rmdir()
        path.mkdir()
        eventually(lambda: asks(APP, cgroup=path) == service)
        (path / "inner").mkdir()
        with pytest.raises(ClientError, match="one within the other"):
            control(server).register_instance(Cgroup=f"/{path.name}/inner")
        (path / "inner").rmdir()
        control(server).deregister_instance(InstanceId=service)
    control(server).deregister_instance(InstanceId=user)


@pytest.mark.parametrize(
    ("who", "sentence"),
    [
        ({"Uid": 0}, "must not be root"),
        ({"Cgroup": "/"}, "every process of this host"),
        ({"Cgroup": "/no/such/group"}, "There is no control group /no/such/group"),
        ({"Cgroup": "/../init"}, "every process of this host"),
        ({"Uid": 5, "Container": "x"}, "Give one of Container, Uid and Cgroup."),
        ({}, "Give one of Container, Uid and Cgroup."),
    ],
)
def test_what_cannot_be_an_instance(server: Server, who: dict[str, int | str], sentence: str) -> None:
    with pytest.raises(ClientError, match=sentence):
        control(server).register_instance(**who)
    assert tables() == ""
