"""`kansatsu run --learn`: what was learned, shown, written to a file, or put on the role."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from kansatsu.cli import client, policy_texts
from kansatsu.cli.files import read
from kansatsu.cli.output import Exit, Failure, say

POLICY_NAME = "learned"
_MOST_LINES = 40  # of what is not covered; the rest is counted
_UNSEEN = "What services do by themselves, and paths of the program that did not run, are in no record."


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to do with the policy: into a file, onto the role under a name, or (both None) to standard output."""

    file: Path | None
    policy_name: str | None


def wanted(learn: bool, role: str | None, write: Path | None, policy_name: str | None, *, put: bool) -> Wanted | None:
    """The flags as one value; None when nothing is to be learned. Ends the command when they make no sense."""
    if not learn:
        if write is not None or put or policy_name is not None:
            raise Failure("--write, --put and --policy-name go with --learn.", Exit.USAGE)
        return None
    if role is None:
        raise Failure("--learn goes with --role.", Exit.USAGE)
    if policy_name is not None and not put:
        raise Failure("--policy-name goes with --put.", Exit.USAGE)
    if write is not None:
        check_writable(write)  # now, not after a long run
    return Wanted(write, (policy_name or POLICY_NAME) if put else None)


def further(bound: str | None, *, learn: bool) -> dict[str, str]:
    """--bound as RegisterProcess takes it: the ARN of a managed policy, or the text of a file. Raises Failure."""
    if bound is None:
        return {}
    if not learn:
        raise Failure("--bound goes with --learn.", Exit.USAGE)
    return {"BoundPolicyArn": bound} if bound.startswith("arn:") else {"BoundPolicy": read(bound)}


def check_writable(path: Path) -> None:
    """Raises Failure where no policy can be written."""
    directory = path.resolve().parent
    if path.is_dir() or not directory.is_dir() or not os.access(directory, os.W_OK):
        raise Failure(f"No policy can be written to {path}.")


def report(control: Any, process_id: str, wanted: Wanted, code: int, iam: Callable[[], Any]) -> int:
    """Say what a process has learned, and put it where it was wanted; the exit code of the command, or a failure."""
    try:
        with client.answers():
            learned = control.get_learned_policy(ProcessId=process_id)
            deliver(learned, wanted)
            if wanted.policy_name is not None and learned["PolicyDocument"]:
                _put(learned, wanted.policy_name, iam())
    except Failure as failure:
        # The command's own failure is the one to report: the shell that looks at it knows nothing of ours.
        say(f"kansatsu: the learned policy is lost: {failure.message}")
        return code or failure.exit_code
    for line in explained(learned):
        say(line)
    return code


def deliver(learned: Mapping[str, Any], wanted: Wanted) -> None:
    """Write the policy to its file, or print it when nothing else is wanted of it."""
    text = learned["PolicyDocument"]
    if not text:
        say(nothing(learned))
        return
    if wanted.file is not None:
        write(wanted.file, text + "\n")
        say(f"Wrote the learned policy to {wanted.file}.")
    if wanted == Wanted(None, None):
        click.echo(text)


def nothing(learned: Mapping[str, Any]) -> str:
    """Why there is no policy: nothing was asked that needs one, or nothing of it was done."""
    if learned.get("NotCovered"):
        return "Nothing that was asked for was allowed: there is no policy to learn."
    return "Nothing was used that needs a permission: there is no policy to learn."


def _put(learned: Mapping[str, Any], name: str, iam: Any) -> None:
    role, document = learned["RoleName"], learned["PolicyDocument"]
    if now := _there(role, name, iam):
        for line in policy_texts.diff(now, document, ("now", "learned")):
            say(line)
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)
    say(f"Role {role} has the learned policy as its inline policy {name} now.")


def _there(role: str, name: str, iam: Any) -> str:
    """The inline policy that is replaced; "" where there is none, or it may not be read."""
    from botocore.exceptions import ClientError

    try:
        return json.dumps(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
    except ClientError:
        return ""


def write(path: Path, text: str) -> None:
    """All of it or nothing: what was there before stays until the new text is whole. Raises Failure."""
    temporary = path.resolve().with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise Failure(f"{path} cannot be written: {error.strerror}.") from None


def explained(learned: Mapping[str, Any]) -> Iterator[str]:
    """What a person should know about a learned policy before it is used."""
    if learned.get("EvidenceGaps"):
        yield "The record of requests has gaps: something may be missing from the policy."
    if widened := learned.get("Generalizations"):
        yield "Generalised, because it would be another name the next time:"
        for item in widened:
            yield f"  {item['Pattern']}"
            yield f"    {item['Reason']}: {item['Count']} seen, such as {item['Examples'][0]}"
    if kept := learned.get("RandomNames"):
        yield "Kept as they are, for a wildcard would allow all of them; another name the next time is refused:"
        yield from (f"  {resource}" for resource in kept)
    if missing := learned.get("NotCovered"):
        yield "Not covered:"
        for item in missing[:_MOST_LINES]:
            error = f" ({item['Error']})" if item.get("Error") else ""
            times = f", {item['Count']} times" if item["Count"] > 1 else ""
            yield f"  {item['Action']} on {item['Resource']}{times}{error}: {item['Reason']}"
        if len(missing) > _MOST_LINES:
            yield f"  ... and {len(missing) - _MOST_LINES} more"
    if learned["PolicyDocument"]:
        yield _UNSEEN
