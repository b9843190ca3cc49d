"""`kansatsu policy commit` and `rollback`: a change of policies made on evidence, and taken back in one step."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import click

from kansatsu.cli import client, options
from kansatsu.cli.names import arn_of, meant
from kansatsu.cli.output import Exit, Failure, again, emit, example, hint, output_option, say
from kansatsu.cli.policy_change import FLAGS, Asked, change_options, show

_COMMIT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NOTHING = "NothingToChange"
COLUMNS = ["commit", "time", "arn", "by", "rolled-back"]


@click.command(epilog=example("kansatsu policy commit role/app --change policy.json --policy-name own"))
@change_options
@click.option("--accept-refused", is_flag=True, help="Even if it would have refused requests on record.")
@click.option("--accept-gap", is_flag=True, help="Even if evidence is missing.")
def commit(arn: str, accept_refused: bool, accept_gap: bool, **given: Any) -> None:
    """Make a change of policies on this server, after replaying it; the evidence and what was before are kept.

    The change is given as to `policy replay`. Nothing is changed where requests on record would be refused or evidence
    is missing, unless that is accepted. Exit code 0: made, or there was nothing to change; 1: refused, with the reason.
    """
    from botocore.exceptions import ClientError

    asked = Asked(arn, given)
    flags = {"AcceptRefused": "--accept-refused", "AcceptGap": "--accept-gap"} | FLAGS
    with meant(lambda: asked.iam, asked.arn), client.answers(flags):
        show(asked.control.replay_policy_change(**asked.parameters), "table")
        try:
            made = asked.control.commit_policy_change(
                **asked.parameters, AcceptRefused=accept_refused, AcceptGap=accept_gap
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != _NOTHING:
                raise
            say(f"{error.response['Error']['Message']} There is no commit.")
            return
    for step in made["Steps"]:
        say(f"Done: {step}")
    click.echo(made["CommitId"])
    hint(again(f"policy rollback {made['CommitId']}"))


@click.command()
@click.argument("which", metavar="COMMIT|ARN", required=False)
@click.option("--profile", metavar="NAME", help="Ask as this profile of your AWS files.")
@options.account_option
@output_option
@options.where_options
def rollback(which: str | None, profile: str | None, whose: str | None, form: str, **given: Any) -> None:
    """Return to what was before COMMIT, or before the newest commit on ARN; without an argument: list the commits."""
    settings = options.load(**given).settings
    control = client.connect(settings, "kansatsu", profile, whose)
    with client.answers():
        if which is None:
            emit([_row(item) for item in control.list_policy_commits()["Commits"]], COLUMNS, form)
            return
        if not _COMMIT.fullmatch(which):
            arn = arn_of(client.connect(settings, "iam", profile, whose), which)
            which = _newest(control.list_policy_commits(Arn=arn)["Commits"], arn)
        made = control.rollback_policy_change(CommitId=which)
    for step in made["Steps"]:
        say(f"Done: {step}")
    say(f"{made['Arn']} is as it was before the commit {made['CommitId']}.")


def _newest(found: Sequence[Mapping[str, Any]], arn: str) -> str:
    for item in found:
        if "RolledBack" not in item:
            return str(item["CommitId"])
    raise Failure(f"There is no commit on {arn} to take back.", Exit.FAILED)


def _row(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "commit": item["CommitId"],
        "time": f"{item['Time']:%Y-%m-%d %H:%M:%S}",
        "arn": item["Arn"],
        "by": item["By"],
        "rolled-back": f"{item['RolledBack']:%Y-%m-%d %H:%M:%S}" if "RolledBack" in item else "",
    }
