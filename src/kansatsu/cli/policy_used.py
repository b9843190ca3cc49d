"""`kansatsu policy suggest` and `coverage`: what the record of requests says of a role's policies."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from kansatsu.cli import client, learning, options, policy_texts
from kansatsu.cli.names import arn_of, meant, role_of
from kansatsu.cli.output import Exit, Failure, again, emit, example, hint, output_option, say, tell
from kansatsu.cli.times import moment

COLUMNS = ["policy", "statement", "line", "effect", "action", "uses"]
_profile = click.option("--profile", metavar="NAME", help="Ask as this profile of your AWS files.")


@click.command(epilog=example("kansatsu policy suggest role/app -o cli"))
@click.argument("subject", metavar="ROLE|ARN")
@click.option("--write", metavar="FILE", type=click.Path(path_type=Path), help="Where the policy goes.")
@click.option("--since", metavar="TIME", help="With an ARN: only requests since then: 90d, or 2026-11-05.")
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["diff", "json", "cli", "terraform"]),
    default="diff",
    show_default=True,
    help="With an ARN: how it is shown.",
)
@click.option("--all", "whole", is_flag=True, help="With an ARN: the lines that stay too, with their evidence.")
@click.option(
    "--from",
    "report",
    metavar="REPORT",
    type=click.Path(path_type=Path),
    help="With an ARN: by a report of `kansatsu analyze`, without a server.",
)
@_profile
@options.where_options
def suggest(
    subject: str,
    write: Path | None,
    since: str | None,
    form: str,
    whole: bool,
    report: Path | None,
    profile: str | None,
    **given: Any,
) -> None:
    """The least policy for all that is on record of ROLE; with an ARN: the smaller one in place of those in force.

    ARN is that of a managed policy, user, group or role, or user/NAME, group/NAME, role/NAME, policy/NAME, or the name
    of a user, group or policy. Each Allow is cut down to what recorded requests made of it; nothing is added,
    conditions and Denies stay.
    """
    if write is not None:
        learning.check_writable(write)
    if report is not None:
        if since is not None or profile is not None:
            raise Failure("--since and --profile do not go with --from: a report has its own window.", Exit.USAGE)
        from kansatsu.cli import offline

        _show(offline.suggestion(report, subject), form, write, whole)
        return
    settings = options.load(**given).settings
    control = client.connect(settings, "kansatsu", profile)
    simple = ":" not in subject and "/" not in subject and since is None and form == "diff" and not whole
    iam = client.connect(settings, "iam", profile)
    with meant(lambda: iam, subject):
        learned = _learned(control, subject) if simple else None
        if learned is None:
            arn = arn_of(iam, subject)
            asked: dict[str, Any] = {"Since": moment(since)} if since else {}
            answer = control.suggest_policy_change(Arn=arn, **asked)
    if learned is None:
        _show(answer, form, write, whole)
        return
    learning.deliver(learned, learning.Wanted(write, None))
    for line in learning.explained(learned):
        say(line)


def _learned(control: Any, name: str) -> Mapping[str, Any] | None:
    """The least policy for a role; None where the name is no role's."""
    from botocore.exceptions import ClientError

    try:
        found: Mapping[str, Any] = control.get_learned_policy(RoleName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        return None
    return found


def _show(answer: Mapping[str, Any], form: str, write: Path | None, whole: bool) -> None:
    document = answer["Document"]
    if write is not None and document:
        learning.write(write, document + "\n")
        say(f"Wrote the suggested policy to {write}.")
    if form == "json":
        shown = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
        click.echo(json.dumps(shown, indent=2, default=lambda value: value.isoformat()))
    elif form == "cli":
        for command in policy_texts.commands(answer):
            click.echo(command)
    elif form == "terraform":
        click.echo(policy_texts.terraform(answer))
    else:
        before = policy_texts.combined(policy["Document"] for policy in answer["Policies"])
        notes = policy_texts.evidence(answer["Lines"])
        for line in policy_texts.diff(before, document, ("now", "suggested"), notes, whole=whole):
            tell(line)
    for line in (*policy_texts.oversize(answer), *policy_texts.reach(answer)):
        say(line)
    if answer["CannotTell"]:
        say(f"{answer['CannotTell']} of them say nothing, for what decided them is not on record.")
    for line in (*policy_texts.gaps(answer), *(f"Note: {note}" for note in answer["Notes"])):
        say(line)
    if "ResponseMetadata" in answer:  # of a server
        hint(again(f"policy replay {answer['Arn']} --suggested"), "table" if form == "diff" else form)


@click.command()
@click.argument("role")
@output_option
@_profile
@options.where_options
def coverage(role: str, form: str, profile: str | None, **given: Any) -> None:
    """How many recorded requests of ROLE each action in its policies stood for."""
    settings = options.load(**given).settings
    control = client.connect(settings, "kansatsu", profile)
    with meant(lambda: client.connect(settings, "iam", profile), role, ("role",)):
        answer = control.get_policy_coverage(RoleName=role_of(role))
    rows = [
        {
            "policy": policy["PolicyArn"] or policy["PolicyName"],
            "statement": f"{said['Index'] + 1}" + (f" ({said['Sid']})" if said["Sid"] else ""),
            "line": said["Line"],
            "effect": said["Effect"],
            "action": action["Pattern"],
            "uses": action["Uses"],
        }
        for policy in answer["Policies"]
        for said in policy["Statements"]
        for action in said["Actions"]
    ]
    if answer["EvidenceGaps"]:
        say("The record of requests has gaps: what shows as unused may have been used.")
    emit(rows, COLUMNS, form)
