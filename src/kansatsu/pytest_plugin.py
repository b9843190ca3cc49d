"""The pytest plugin: tests that are marked run as a role with exactly the policy that they name. docs/testing.md

Whoever has Kansatsu installed has this plugin loaded: what it needs is imported when a test or an option asks for it.
"""

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kansatsu.testing import Kansatsu, Role
    from kansatsu.testing.suite import Suite

_MARK = "kansatsu_role"
_RUNNING_AS = "KANSATSU_RUNNING_AS"  # surroundings.RUNNING_AS
_SUITE = pytest.StashKey["Suite"]()
_SERVER = pytest.StashKey["Kansatsu"]()
_ROLE = pytest.StashKey["Role"]()
_SENT = "kansatsu_coverage"
_LEARNED = "kansatsu_learned"


def pytest_addoption(parser: pytest.Parser) -> None:
    """All options; nothing happens without one of them or a mark."""
    group = parser.getgroup("kansatsu", "roles with exactly one policy (Kansatsu)")
    group.addoption("--kansatsu-data-dir", metavar="DIR", help="use the Kansatsu that runs on this data directory")
    group.addoption("--kansatsu-coverage", action="store_true", help="report what of the policies no test used")
    group.addoption(
        "--kansatsu-coverage-fail-under", metavar="N", type=float, help="fail if less than N per cent were used"
    )
    group.addoption(
        "--kansatsu-learn", metavar="FILE", type=Path, help="run marked tests unbound, and write the least policy"
    )
    group.addoption(
        "--kansatsu-bound", metavar="POLICY", help="with --kansatsu-learn, stay within this policy: an ARN, or a file"
    )
    parser.addini("kansatsu_data_dir", "use the Kansatsu that runs on this data directory")
    parser.addini("kansatsu_account", "account of the server that is started (123456789012)")
    parser.addini("kansatsu_region", "Region of the server that is started (us-east-1)")
    parser.addini("kansatsu_settings", "other settings of the server that is started, a NAME=VALUE a line", "linelist")


def pytest_configure(config: pytest.Config) -> None:
    """The mark, and options that do not go together."""
    text = f"{_MARK}(policy=..., trust=...): run this test as a role with exactly these policies"
    config.addinivalue_line("markers", text)
    learn = config.getoption("kansatsu_learn")
    if learn is None and config.getoption("kansatsu_bound") is not None:
        raise pytest.UsageError("--kansatsu-bound goes with --kansatsu-learn.")
    if learn is not None and not learn.resolve().parent.is_dir():
        raise pytest.UsageError(f"No policy can be written to {learn}.")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who a test is comes before all that it asks for. Inside `kansatsu run` it is who that says, mark or not."""
    if os.environ.get(_RUNNING_AS):
        return
    for item in items:
        if item.get_closest_marker(_MARK) and isinstance(item, pytest.Function):
            # A list of its own: pytest shares one among all parameters of a test, of which one alone may have the mark.
            item.fixturenames = [_MARK, *item.fixturenames]


@pytest.fixture(scope="session")
def kansatsu(request: pytest.FixtureRequest) -> Iterator["Kansatsu"]:
    """The server of this worker: `kansatsu.endpoint`, `kansatsu.client("s3")`, `with kansatsu.as_admin(): ...`"""
    from kansatsu.testing import Kansatsu, KansatsuError

    config = request.config
    if arn := os.environ.get(_RUNNING_AS):
        pytest.fail(f"This suite runs as {arn} (kansatsu run): there is no administrator in it.", pytrace=False)
    directory = config.getoption("kansatsu_data_dir") or config.getini("kansatsu_data_dir") or None
    given = {name: config.getini(f"kansatsu_{name}") for name in ("account", "region")}
    settings = dict(line.split("=", 1) for line in config.getini("kansatsu_settings"))
    server = Kansatsu(data_dir=directory, settings=settings, **{name: text for name, text in given.items() if text})
    try:
        server.start()
    except KansatsuError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    config.stash[_SERVER] = server
    try:
        yield server
        _suite(config).end(server)
    finally:
        server.stop()


@pytest.fixture(scope="session")
def kansatsu_admin(kansatsu: "Kansatsu") -> Any:
    """A boto3 session of the administrator: what tests find in the account is made with it."""
    return kansatsu.session()


@pytest.fixture
def kansatsu_role(request: pytest.FixtureRequest, kansatsu: "Kansatsu") -> Iterator["Role"]:
    """Who this test is, by its mark; so are the environment, boto3's default session and programs that it starts."""
    from botocore.exceptions import ClientError

    from kansatsu.testing import KansatsuError

    mark = request.node.get_closest_marker(_MARK)
    if mark is None:
        pytest.fail(f"A test with the fixture {_MARK} has the mark {_MARK} too.", pytrace=False)
    unknown = set(mark.kwargs) - {"policy", "trust"}
    if unknown or len(mark.args) > 1 or (mark.args and "policy" in mark.kwargs):
        pytest.fail(f"The mark {_MARK} takes policy and trust.", pytrace=False)
    policy = mark.args[0] if mark.args else mark.kwargs.get("policy")
    suite = _suite(request.config)
    if policy is None and suite.learn is None:
        pytest.fail(f"The mark {_MARK} names no policy.", pytrace=False)
    try:
        with suite.running_as(kansatsu, policy, mark.kwargs.get("trust"), request.path.parent) as role:
            request.node.stash[_ROLE] = role
            yield role
    except (KansatsuError, ClientError) as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Beside a failure stands the denial that its session met, and what would allow it."""
    report = yield
    role = item.stash.get(_ROLE, None)
    if role is None or not report.failed or call.when == "teardown":
        return report
    if (text := _suite(item.config).why(item.config.stash[_SERVER], role)) != "":
        report.sections.append(("Kansatsu: the last denial of this test", text))
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """What a worker of xdist used and learned, too."""
    from kansatsu.testing.suite import merge

    output = getattr(node, "workeroutput", {})
    if sent := output.get(_SENT):
        merge(_suite(node.config).report, sent)
    _suite(node.config).evidence += output.get(_LEARNED, [])


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Send what was used, or judge it."""
    config = session.config
    if (suite := config.stash.get(_SUITE, None)) is not None and _is_worker(config):
        config.workeroutput[_SENT] = suite.report  # type: ignore[attr-defined]
        config.workeroutput[_LEARNED] = suite.evidence  # type: ignore[attr-defined]
        return
    if suite is not None:
        suite.together()
    least = config.getoption("kansatsu_coverage_fail_under")
    if least is not None and not _is_worker(config) and exitstatus == pytest.ExitCode.OK and _covered(config) < least:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The coverage, and what was learned."""
    suite = config.stash.get(_SUITE, None)
    if suite is not None and suite.said:
        terminalreporter.section("kansatsu: the learned policy")
        for line in suite.said:
            terminalreporter.write_line(line)
    if not _covers(config):
        return
    from kansatsu.testing.suite import lines

    terminalreporter.section("kansatsu: policy coverage")
    if suite is None or not suite.report:
        terminalreporter.write_line("No test ran as a role with a policy.")
    else:
        for line in lines(suite.report):
            terminalreporter.write_line(line)
    least = config.getoption("kansatsu_coverage_fail_under")
    if least is not None and _covered(config) < least:
        terminalreporter.write_line(f"FAIL: less than {least:g}% of the policies were used", red=True, bold=True)


def _covered(config: pytest.Config) -> float:
    from kansatsu.testing.suite import percentage

    suite = config.stash.get(_SUITE, None)
    return percentage(suite.report) if suite is not None else 0.0


def _covers(config: pytest.Config) -> bool:
    asked = config.getoption("kansatsu_coverage") or config.getoption("kansatsu_coverage_fail_under") is not None
    return bool(asked) and config.getoption("kansatsu_learn") is None


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _suite(config: pytest.Config) -> "Suite":
    from kansatsu.testing.suite import Suite

    if (known := config.stash.get(_SUITE, None)) is None:
        learn = config.getoption("kansatsu_learn")
        bound = config.getoption("kansatsu_bound")
        known = config.stash[_SUITE] = Suite(config.rootpath, learn, bound, _is_worker(config), _covers(config))
    return known
