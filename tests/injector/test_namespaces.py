"""Real namespaces: what the injector opens, for whom, and the attacks that must not succeed."""

import asyncio
import os
import socket
import subprocess
import sys

import pytest

from kansatsu.workload.injection import (
    AWS,
    CONTAINER_CREDENTIALS,
    GATEWAY,
    METADATA,
    POD_IDENTITY,
    InjectionError,
    InjectorClient,
    start_time,
)

pytestmark = pytest.mark.root
NAMES = [(AWS, 443), (AWS, 80), (AWS, 53)]
ALL = [METADATA, CONTAINER_CREDENTIALS, POD_IDENTITY, *NAMES, GATEWAY]


async def test_listeners_inside(namespaces, listening):
    workload = namespaces()
    sockets = await listening(workload, ALL)
    for listener, address in zip(sockets, ALL, strict=True):
        assert workload.connects(*address)
        accepted = listener.accept()[0]
        assert accepted.getsockname() == address
        accepted.close()
    addresses = workload.run("ip", "-o", "-4", "address", "show", "dev", "lo")
    assert "169.254.169.254/32 scope host" in addresses
    assert "169.254.170.2/32 scope host" in addresses


async def test_the_host_is_left_as_it_was(namespaces, listening):
    """The host's own 169.254.169.254, if it has one, is not ours to shadow."""

    def addresses() -> set[str]:  # not those of containers, which other tests start meanwhile
        lines = subprocess.check_output(["ip", "-o", "address"], text=True).splitlines()
        return {line for line in lines if "169.254." in line or line.split()[1] == "lo"}

    before = addresses()
    own = os.readlink("/proc/self/ns/net")
    await listening(namespaces(), ALL)
    assert addresses() == before
    assert os.readlink("/proc/self/ns/net") == own


async def test_two_workloads_have_two_listeners(namespaces, listening):
    first, second = namespaces(), namespaces()
    [one], [two] = [await listening(workload, [METADATA]) for workload in (first, second)]
    assert second.connects(*METADATA)
    two.accept()[0].close()
    with pytest.raises(BlockingIOError):
        one.accept()


async def test_again_after_the_control_plane_restarted(namespaces, injector, listening):
    """The old sockets died with their process; the addresses are still there, and that is no error."""
    workload = namespaces()
    for item in await listening(workload, ALL):
        item.close()
    assert not workload.connects(*METADATA)
    await injector.stop()
    await listening(workload, ALL)
    assert workload.connects(*METADATA)


async def test_a_helper_that_died_is_replaced(namespaces, injector, listening):
    workload = namespaces()
    await injector.start()
    injector._helper.kill()
    assert await listening(workload, [METADATA])


async def test_a_neighbour_that_routes_the_address_to_a_workload_gets_nothing(namespaces, listening, cable):
    """The attack of a container with NET_ADMIN on the same network: a route for the address by way of the victim."""
    victim, neighbour = namespaces(), namespaces()
    cable(victim, neighbour)
    listener, *_ = await listening(victim, ALL)
    for address in {address for address, _ in ALL[:-1]}:
        neighbour.run("ip", "route", "add", f"{address}/32", "via", "10.99.0.1")
    assert victim.connects(*METADATA)
    # Refused, not merely unanswered: nothing of the neighbour's ever waits in the endpoint's backlog.
    for endpoint in ALL[:-1]:
        assert neighbour.attempt(*endpoint) == "ConnectionRefusedError"
    # Past the steering, straight to the port where the endpoint really listens
    assert victim.connects(*listener.getsockname())
    assert not neighbour.connects(*listener.getsockname())


async def test_the_gateway_inside_is_not_reached_by_a_neighbour_either(namespaces, listening, cable):
    """Even where the victim accepts 127.0.0.0/8 from its network (route_localnet, as some proxies set it)."""
    victim, neighbour = namespaces(), namespaces()
    cable(victim, neighbour)
    await listening(victim, [GATEWAY])
    _open_localnet(victim, neighbour)
    assert not neighbour.connects(*GATEWAY)


def _open_localnet(victim, neighbour) -> None:
    device = victim.run("ip", "-o", "link", "show", "type", "veth").split(": ")[1].partition("@")[0]
    victim.run("sysctl", "-qw", f"net.ipv4.conf.{device}.route_localnet=1")
    neighbour.run("ip", "address", "del", "127.0.0.1/8", "dev", "lo")
    neighbour.run("sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1")
    neighbour.run("ip", "route", "del", "table", "local", "127.0.0.0/8", code=None)
    neighbour.run("ip", "route", "add", "127.0.0.1/32", "via", "10.99.0.1", "src", "10.99.0.2")


async def test_that_attack_succeeds_on_a_socket_that_is_not_bound_to_lo(namespaces, listening, cable, finish):
    """Proof that the two tests above can fail: the same neighbour, the same route, an ordinary socket."""
    victim, neighbour = namespaces(), namespaces()
    cable(victim, neighbour)
    (await listening(victim, [METADATA]))[0].close()
    ordinary = victim.listen(*METADATA)
    neighbour.run("ip", "route", "add", "169.254.169.254/32", "via", "10.99.0.1")
    assert neighbour.connects(*METADATA)
    gateway = victim.listen(*GATEWAY)
    _open_localnet(victim, neighbour)
    assert neighbour.connects(*GATEWAY)
    finish(ordinary)
    finish(gateway)


async def test_a_second_control_plane_cannot_take_an_endpoint_over(namespaces, listening):
    workload = namespaces()
    listener, *_ = await listening(workload, ALL)
    second = InjectorClient()
    assert (await refused(second, workload.pid, workload.start_time)).code == "in-use"
    await second.stop()
    assert workload.connects(*METADATA)
    listener.accept()[0].close()


ASK = (
    "import socket, sys\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(float(sys.argv[2]))\n"
    "try:\n s.connect((sys.argv[1], 53)); s.send(b'asked'); print(s.recv(9).decode())\n"
    "except OSError as error: print(type(error).__name__)"
)


async def test_a_name_service_by_datagram_is_the_workloads_alone(namespaces, listening, cable):
    """The workload itself gets an answer; a neighbour that routes the address here does not get through."""
    victim, neighbour = namespaces(), namespaces()
    cable(victim, neighbour)
    [names] = await listening(victim, [(AWS, 53, "udp")])
    neighbour.run("ip", "route", "add", f"{AWS}/32", "via", "10.99.0.1")
    asking = asyncio.create_task(asyncio.to_thread(victim.run, sys.executable, "-I", "-S", "-c", ASK, AWS, "60"))
    loop = asyncio.get_running_loop()
    asked, where = await loop.sock_recvfrom(names, 9)
    await loop.sock_sendto(names, b"answered", where)
    assert (asked, (await asking).strip()) == (b"asked", "answered")
    refused = await asyncio.to_thread(neighbour.run, sys.executable, "-I", "-S", "-c", ASK, AWS, "2")
    assert refused.strip() in ("ConnectionRefusedError", "TimeoutError")
    with pytest.raises(BlockingIOError):
        names.recv(9)


async def test_who_is_asked_for_names_is_in_the_workloads_network(namespaces, listening, cable):
    workload, other = namespaces(), namespaces()
    cable(workload, other)
    [asking] = await listening(workload, [("0.0.0.0", 0, "ask")])
    code = (
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('10.99.0.2', 53));"
        "print('ready', flush=True); data, where = s.recvfrom(9); s.sendto(data + b' ' + where[0].encode(), where)"
    )
    command = ["nsenter", "--net", "-t", str(other.pid), sys.executable, "-I", "-S", "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None and server.stdout.readline() == b"ready\n"
        loop = asyncio.get_running_loop()
        await loop.sock_sendto(asking, b"who", ("10.99.0.2", 53))
        assert await loop.sock_recv(asking, 99) == b"who 10.99.0.1"


@pytest.mark.parametrize("port", [80, 443])
@pytest.mark.parametrize("order", ["web server first", "endpoint first"])
async def test_the_workload_may_have_a_web_server_on_every_address(namespaces, listening, finish, order, port):
    workload = namespaces()
    workload.run("ip", "link", "set", "lo", "up")
    web = workload.listen("0.0.0.0", port) if order == "web server first" else None
    [listener] = await listening(workload, [(AWS, port)])
    web = web or workload.listen("0.0.0.0", port)
    assert workload.connects(AWS, port)
    listener.accept()[0].close()
    assert workload.connects("127.0.0.1", port)
    with pytest.raises(BlockingIOError):
        listener.accept()
    finish(web)


async def test_closing_a_listener_ends_it(namespaces, listening):
    workload = namespaces()
    metadata, credentials = await listening(workload, [METADATA, CONTAINER_CREDENTIALS])
    metadata.close()
    metadata.close()
    assert not workload.connects(*METADATA)
    assert workload.connects(*CONTAINER_CREDENTIALS)
    credentials.accept()[0].close()


async def refused(injector: InjectorClient, pid: int, started: int, binds=(METADATA,)) -> InjectionError:
    with pytest.raises(InjectionError) as caught:
        await injector.listen(pid, started, binds)
    return caught.value


async def test_a_pid_that_was_reused_is_refused(namespaces, injector):
    """Same number, another process: told apart by the time it started."""
    workload = namespaces()
    for other in (workload.start_time - 1, workload.start_time + 1):
        assert (await refused(injector, workload.pid, other)).code == "gone"
    assert "169.254" not in workload.run("ip", "address")


async def test_a_process_that_ended_is_refused(namespaces, injector):
    workload = namespaces()
    workload.close()
    assert (await refused(injector, workload.pid, workload.start_time)).code == "gone"
    with pytest.raises(InjectionError, match="is gone"):
        start_time(workload.pid)


async def test_a_process_that_nobody_waited_for_is_refused(namespaces, injector):
    workload = namespaces()
    workload.process.kill()
    os.waitid(os.P_PID, workload.pid, os.WEXITED | os.WNOWAIT)
    assert (await refused(injector, workload.pid, workload.start_time)).code == "gone"


async def test_the_hosts_own_namespace_is_refused(injector):
    error = await refused(injector, os.getpid(), start_time(os.getpid()))
    assert error.code == "host-network"
    assert "shares the host's network" in str(error)


async def test_an_address_that_is_taken_is_named(namespaces, injector, finish):
    workload = namespaces()
    workload.run("ip", "link", "set", "lo", "up")
    other = workload.listen("127.0.0.1", 4566)
    error = await refused(injector, workload.pid, workload.start_time, ALL)
    assert error.code == "in-use"
    assert "127.0.0.1:4566 is taken" in str(error)
    assert not workload.connects(*METADATA)
    finish(other)


@pytest.mark.parametrize(
    "binds",
    [[("10.0.0.1", 80)], [("0.0.0.0", 80)], [("169.254.169.254", 0)], [("127.0.0.1", 65536)], [("evil", 80)], [],
     [("::1", 80)], [("10.0.0.1", 53, "udp")], [("0.0.0.0", 53, "udp")], [("0.0.0.0", 53, "ask")],
     [("169.254.169.254", 80, "raw")], [("169.254.169.254", 80, "ask")]],
)  # fmt: skip
async def test_addresses_that_leave_the_machine_are_refused(namespaces, injector, binds):
    workload = namespaces()
    assert (await refused(injector, workload.pid, workload.start_time, binds)).code == "invalid"


async def test_a_workload_in_a_user_namespace_of_its_own(namespaces, listening):
    workload = namespaces("--user", "--map-root-user", "--net")
    await listening(workload, ALL)
    assert workload.connects(*METADATA)


async def test_sockets_outlive_the_helper(namespaces, injector, listening):
    workload = namespaces()
    [listener] = await listening(workload, [METADATA])
    await injector.stop()
    assert workload.connects(*METADATA)
    assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") == b"lo"
