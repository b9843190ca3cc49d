"""`kansatsu run`: a process with a role and nothing else, without root.

Mode `env` tells it by environment variables where its credentials are; mode `ns` gives it a network of its own, where
they are at AWS's addresses.

INVARIANT: the child's environment is scrubbed before its identity is added, and its AWS files are empty ones of its
own, so that it can succeed as nobody but the role it was given.
"""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from kansatsu.cli import children, client, learning, names, options, surroundings
from kansatsu.cli.output import Exit, Failure, example, say
from kansatsu.cli.settings import Settings

_FULL_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
_TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"  # noqa: S105 - a name
_EMPTY_FILES = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "BOTO_CONFIG")


@click.command(
    context_settings={"allow_interspersed_args": False}, epilog=example("kansatsu run --role app -- python app.py")
)
@click.option("--role", metavar="ROLE", help="Name of the role to run as.")
@click.option("--instance-profile", metavar="PROFILE", help="Name of the instance profile to run with.")
@click.option("--task-role", metavar="ROLE", help="Name of the role to run as, as an ECS task would.")
@click.option("--as", "service", metavar="SERVICE", help="Service principal that the role trusts.")
@click.option("--mode", type=click.Choice(["env", "ns"]), default="env", show_default=True, help="How it is told.")
@click.option("--learn", is_flag=True, help="Let it do what you may, and say which policy would be enough.")
@click.option("--bound", metavar="POLICY", help="With --learn: within this policy too, an ARN or a JSON file.")
@click.option("--write", metavar="FILE", type=click.Path(path_type=Path), help="Where the learned policy goes.")
@click.option("--put", is_flag=True, help="Make the learned policy an inline policy of the role.")
@click.option("--policy-name", metavar="NAME", help=f"Name of that inline policy.  [default: {learning.POLICY_NAME}]")
@click.option("--profile", metavar="NAME", help="Ask as this profile of your AWS files, not as the administrator.")
@options.where_options
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(
    *,
    role: str | None,
    instance_profile: str | None,
    task_role: str | None,
    service: str | None,
    mode: str,
    learn: bool,
    bound: str | None,
    write: Path | None,
    put: bool,
    policy_name: str | None,
    profile: str | None,
    command: tuple[str, ...],
    **given: Any,
) -> None:
    """Run COMMAND as a role or with an instance profile, and as nobody else."""
    asked = {
        "Role": role and names.role_of(role),
        "InstanceProfile": instance_profile,
        "TaskRole": task_role and names.role_of(task_role),
    }
    _check(asked, service)
    wanted = learning.wanted(learn, role, write, policy_name, put=put)
    further = learning.further(bound, learn=learn)
    settings = options.load(**given).settings
    control = client.connect(settings, "kansatsu", profile)
    asked["Service"] = service
    typed, kind = (instance_profile, "instance-profile") if instance_profile else (role or task_role or "", "role")
    with _trusting(), names.meant(lambda: _iam(settings, profile), typed, (kind,)):
        given_names: dict[str, Any] = {name: text for name, text in asked.items() if text is not None}
        if wanted is not None:
            given_names |= {"Learn": True} | further
        process = control.register_process(Pid=os.getpid(), **given_names)
    try:
        say(f"Running as {process['Arn']}")
        with tempfile.TemporaryDirectory(prefix="kansatsu-run-") as private:
            code = _MODES[mode](command, process, Path(private), control)
        if wanted is not None:
            code = learning.report(control, process["ProcessId"], wanted, code, lambda: _iam(settings, profile))
    finally:
        _end(control, process["ProcessId"])
    sys.exit(code)


def _by_variables(command: Sequence[str], process: Mapping[str, Any], private: Path, control: Any) -> int:
    environ = child_environ(os.environ, private, control.meta.endpoint_url, control.meta.region_name)
    return children.run(command, environ | process["Environment"] | {surroundings.RUNNING_AS: process["Arn"]})


def _in_own_network(command: Sequence[str], process: Mapping[str, Any], private: Path, control: Any) -> int:
    from kansatsu.cli import enclosure  # imports that only this mode needs

    targets = enclosure.Targets(
        plain=process["PlainEndpoint"],
        tls=process["TlsEndpoint"],
        private=process["PrivateEndpoint"],
        authorization=process["AuthorizationToken"],
        instance="MetadataEndpoint" in process,
    )
    environ = child_environ(enclosure.without_proxies(os.environ), private, "", control.meta.region_name)
    del environ[surroundings.ENDPOINT]  # AWS's own names are the gateway's
    environ |= process["PrivateEnvironment"] | {surroundings.RUNNING_AS: process["Arn"]}
    if _FULL_URI in environ:  # EKS Pod Identity: the token is read from a file
        environ[_TOKEN_FILE] = str(_secret(private / "eks-pod-identity-token", process["AuthorizationToken"]))
    return enclosure.run(command, environ, targets, process["CertificateAuthority"], private)


def _secret(path: Path, text: str) -> Path:
    """A file for the command's own user alone."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="ascii")
    return path


_MODES = {"env": _by_variables, "ns": _in_own_network}


def _check(asked: Mapping[str, str | None], service: str | None) -> None:
    given = sum(name is not None for name in asked.values())
    if given == 0:
        raise Failure("Give one of --role, --task-role and --instance-profile.", Exit.USAGE)
    if given > 1:
        raise Failure("Give only one of --role, --task-role and --instance-profile.", Exit.USAGE)
    if service is not None and asked["TaskRole"] is not None:
        raise Failure("--as goes with --role; a task role is for ecs-tasks.amazonaws.com.", Exit.USAGE)
    if service is not None and "." not in service:
        sentence = f"'{service}' is not a service principal; did you mean {service}.amazonaws.com?"
        raise Failure(sentence, Exit.USAGE)


def _iam(settings: Settings, profile: str | None) -> Any:
    return client.connect(settings, "iam", profile)


@contextmanager
def _trusting() -> Iterator[None]:
    """Say beside a refusal of the role's trust policy what can be done about it."""
    try:
        yield
    except Failure as failure:
        if "trust policy of role" not in failure.message:
            raise
        advice = "Give --as SERVICE with a service that the role trusts, or edit the trust policy."
        raise Failure(f"{failure.message} {advice}", Exit(failure.exit_code)) from None


def _end(control: Any, process_id: str) -> None:
    """Take the identity away; the server does so too when our process ends, so a failure is only said."""
    try:
        with client.answers():
            control.deregister_process(ProcessId=process_id)
    except Failure as failure:
        say(f"kansatsu: the identity could not be ended: {failure.message}")


def child_environ(environ: Mapping[str, str], private: Path, endpoint: str, region: str) -> dict[str, str]:
    """`environ` without any identity, its AWS files replaced by empty ones in `private`, pointed at `endpoint`."""
    private.chmod(0o711)  # root's command may go on as another user
    empty = private / "empty"
    empty.touch(mode=0o444)
    files = dict.fromkeys(_EMPTY_FILES, str(empty))
    return {**surroundings.scrubbed(environ), **files, **surroundings.place(endpoint, region, environ)}
