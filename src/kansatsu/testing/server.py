"""A running Kansatsu for tests: started for them and ended after them, or one that runs already."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from kansatsu.cli import credentials, daemon, learning, run, surroundings, tied
from kansatsu.cli import settings as cli_settings
from kansatsu.cli.output import Failure
from kansatsu.cli.surroundings import Keys
from kansatsu.testing.environment import environment
from kansatsu.testing.roles import Held, Policies, Policy, Role, held, trusted

READY_WITHIN = 60.0  # seconds
_PREFIX = "kansatsu-suite-"
_MEMORY = "/dev/shm"  # noqa: S108 - what a test suite leaves need not survive a power cut


class KansatsuError(Exception):
    """Kansatsu cannot be started or used by these tests; the message is one sentence that says why."""


class Kansatsu:
    """`with Kansatsu() as kansatsu:` starts a server on a free port with an empty data directory of its own.

    With `data_dir` it is the one that runs on this directory already; its roles are removed again, it is not ended.
    `settings` are those of `kansatsu up`, by name: {"backend": "http://127.0.0.1:9000"}.
    """

    def __init__(
        self,
        *,
        data_dir: str | Path | None = None,
        account: str = "123456789012",
        region: str = "us-east-1",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.endpoint = ""
        self.account, self.region = account, region
        self.external = data_dir is not None
        self.data_dir = Path(data_dir) if data_dir is not None else Path()
        self.keys = Keys("", "")
        self._settings = {"engine": "none", "test-mode": "true", **(settings or {})}
        self._roles: dict[tuple[Any, ...], str] = {}
        self._stack = ExitStack()

    def __enter__(self) -> "Kansatsu":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when it is ready. Raises KansatsuError."""
        try:
            with ExitStack() as undo:
                self._private = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="kansatsu-test-")))
                if self.external:
                    effective = cli_settings.load({"data-dir": [str(self.data_dir)]}, None)
                    self.account, self.region = effective.settings.account, effective.settings.region
                    self.endpoint = daemon.require_running(self.data_dir).endpoint
                else:
                    self._start(undo)
                self.keys = credentials.read(self.data_dir)
                self._session = self.session()
                self._clients: dict[str, Any] = {}
                undo.callback(self._remove_roles)
                self._stack = undo.pop_all()
        except Failure as failure:
            raise KansatsuError(failure.message) from None

    def stop(self) -> None:
        """End what was started; a server that ran before runs on."""
        self._stack.close()

    def _start(self, undo: ExitStack) -> None:
        place = _MEMORY if os.access(_MEMORY, os.W_OK) else tempfile.gettempdir()
        sweep(Path(place))
        parent = tempfile.mkdtemp(prefix=_PREFIX, dir=place)
        undo.callback(shutil.rmtree, parent, ignore_errors=True)
        self.data_dir = Path(parent) / "data"
        flags = {"data-dir": str(self.data_dir), "listen": "127.0.0.1:0", "account": self.account}
        flags |= {"region": self.region, **self._settings}
        words = [word for name, text in flags.items() for word in _flag(name, text)]
        command = [sys.executable, "-m", "kansatsu.cli", "up", *words]
        environ = surroundings.scrubbed(os.environ) | {"AWS_EC2_METADATA_DISABLED": "true"}
        log = Path(parent) / "out"
        with log.open("wb") as out:
            process = subprocess.Popen(
                tied.command(*command),
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        undo.callback(_end, process)
        limit = time.monotonic() + READY_WITHIN
        found = None
        while found is None or daemon.health(found.endpoint) != 200:
            if process.poll() is not None or time.monotonic() > limit:
                said = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
                raise KansatsuError(f"Kansatsu did not start: {said[-1]}")
            time.sleep(0.02)
            found = daemon.running(self.data_dir)
        self.endpoint = found.endpoint

    # ---- the administrator ------------------------------------------------------------------------------------------

    def session(self) -> Any:
        """A boto3 session of the administrator; its clients come here whatever the environment says."""
        from kansatsu.testing.sessions import session_of

        return session_of(self.endpoint, self.region, self.keys)

    def client(self, service: str, **more: Any) -> Any:
        """A boto3 client of the administrator; `kansatsu` is the control API."""
        return self._session.client(service, **more)

    def _own(self, service: str) -> Any:
        """One client for all that is asked here: to make one takes longer than most calls."""
        if service not in self._clients:
            self._clients[service] = self.client(service)
        return self._clients[service]

    def environ(self) -> dict[str, str]:
        """This process's environment, as the administrator's: for programs that set something up."""
        keys = surroundings.pointing(self.endpoint, self.region, self.keys, os.environ)
        return self._scrubbed() | keys | {"KANSATSU_DATA_DIR": str(self.data_dir)}

    @contextmanager
    def as_admin(self) -> Iterator[None]:
        """Be the administrator for a block, in a test that runs as a role."""
        with environment(self.environ()):
            yield

    # ---- roles ------------------------------------------------------------------------------------------------------

    @contextmanager
    def role(
        self,
        policy: Policies | None = None,
        *,
        trust: Policy | None = None,
        learn: bool = False,
        bound: str | None = None,
        directories: Sequence[Path] = (Path(),),
    ) -> Iterator[Role]:
        """Run a block as a new session of a role with exactly these policies, and so the programs that it starts.

        `policy`: a document (dict or JSON text), a file, the ARN of a managed policy, or several of these. `trust`: a
        service principal or a trust policy. `learn`: within the administrator's rights, as `kansatsu run --learn`, and
        with `bound` (the ARN of a managed policy, or a file) within that policy as well.
        Raises KansatsuError for what cannot be read; what IAM refuses is botocore's ClientError.
        """
        try:
            policies = held(policy, directories)
            service, document = trusted(trust, directories)
        except (ValueError, OSError) as error:
            raise KansatsuError(str(error)) from None
        name = self.role_name(policies, document)
        asked = {"Role": name, "Service": service, "Pid": os.getpid()} | ({"Learn": True} if learn else {})
        try:
            asked |= learning.further(bound, learn=learn)
        except Failure as failure:
            raise KansatsuError(failure.message) from None
        control = self._own("kansatsu")
        process = control.register_process(**asked)
        environ = self._scrubbed() | process["Environment"] | {surroundings.RUNNING_AS: process["Arn"]}
        try:
            with environment(environ):
                yield Role(process["Arn"], name, process["ProcessId"], environ)
        finally:
            control.deregister_process(ProcessId=process["ProcessId"])

    def role_name(self, policies: Sequence[Held], trust: str) -> str:
        """The role with these policies and this trust policy; made at the first call."""
        key = (*policies, trust)
        if key not in self._roles:
            name, iam = f"test-{uuid.uuid4().hex[:12]}", self._own("iam")
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
            self._roles[key] = name
            try:
                for number, policy in enumerate(policies, 1):
                    if policy.arn:
                        iam.attach_role_policy(RoleName=name, PolicyArn=policy.arn)
                    else:
                        iam.put_role_policy(RoleName=name, PolicyName=inline(number), PolicyDocument=policy.text)
            except BaseException:
                del self._roles[key]
                self._remove(name)
                raise
        return self._roles[key]

    @property
    def roles(self) -> Mapping[tuple[Any, ...], str]:
        """What was made so far: (policies..., trust policy) -> name of the role."""
        return dict(self._roles)

    def _scrubbed(self) -> dict[str, str]:
        return run.child_environ(os.environ, self._private, self.endpoint, self.region)

    def _remove_roles(self) -> None:
        for name in self._roles.values() if self.external else ():
            self._remove(name)
        self._roles.clear()

    def _remove(self, name: str) -> None:
        iam = self._own("iam")
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=name, PolicyArn=attached["PolicyArn"])
        iam.delete_role(RoleName=name)


def inline(number: int) -> str:
    """The name of a role's inline policy, counted from 1."""
    return f"policy-{number}"


def sweep(place: Path) -> None:
    """Remove what runs that were killed have left there: ours, older than a start takes, and no server holds it."""
    for left in place.glob(_PREFIX + "*"):
        try:
            found = left.stat()
        except OSError:
            continue  # another run was faster
        old = time.time() - found.st_mtime > READY_WITHIN
        if old and found.st_uid == os.getuid() and daemon.running(left / "data") is None:
            shutil.rmtree(left, ignore_errors=True)


def _flag(name: str, text: str) -> list[str]:
    if name not in cli_settings.BY_NAME:
        raise KansatsuError(f"There is no setting {name}; docs/settings.md has them all.")
    if cli_settings.BY_NAME[name].flag:
        return [f"--{name}"] if text == "true" else []
    return [f"--{name}", text]


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
