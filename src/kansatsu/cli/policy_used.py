"""`kansatsu policy suggest` and `coverage`: what the record of requests says of a role's policies."""

from pathlib import Path
from typing import Any

import click

from kansatsu.cli import client, learning, options
from kansatsu.cli.output import emit, output_option, say

COLUMNS = ["policy", "statement", "line", "effect", "action", "uses"]
_profile = click.option("--profile", metavar="NAME", help="Ask as this profile of your AWS files.")


@click.command()
@click.argument("role")
@click.option("--write", metavar="FILE", type=click.Path(path_type=Path), help="Where the policy goes.")
@_profile
@options.where_options
def suggest(role: str, write: Path | None, profile: str | None, **given: Any) -> None:
    """The least policy for all that is on record of ROLE."""
    if write is not None:
        learning.check_writable(write)
    control = client.connect(options.load(**given).settings, "kansatsu", profile)
    with client.answers():
        learned = control.get_learned_policy(RoleName=role)
    learning.deliver(learned, learning.Wanted(write, None))
    for line in learning.explained(learned):
        say(line)


@click.command()
@click.argument("role")
@output_option
@_profile
@options.where_options
def coverage(role: str, form: str, profile: str | None, **given: Any) -> None:
    """How many recorded requests of ROLE each action in its policies stood for."""
    control = client.connect(options.load(**given).settings, "kansatsu", profile)
    with client.answers():
        answer = control.get_policy_coverage(RoleName=role)
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
