"""`kansatsu can`: may this user or role do that, which statement says so, and what would allow it."""

import json
from functools import partial
from typing import Any

import click

from kansatsu.cli import client, names, options
from kansatsu.cli.output import Exit, Failure, example, tell
from kansatsu.cli.why import change_lines, evaluation_lines, hint_at


def context_keys(given: tuple[str, ...]) -> list[dict[str, Any]]:
    """KEY=VALUE, a key with several values given several times. Ends the command with exit 2 for anything else."""
    keys: dict[str, list[str]] = {}
    for entry in given:
        key, equals, value = entry.partition("=")
        if not equals or ":" not in key:
            raise Failure(f"--context {entry} is not KEY=VALUE, such as aws:SourceIp=192.0.2.1.", Exit.USAGE)
        keys.setdefault(key, []).append(value)
    return [{"Key": key, "Values": values} for key, values in keys.items()]


def check(action: str) -> None:
    """End the command with exit 2 where AWS documents no such action: a misspelt one is denied like any other, and
    nothing may be offered that would allow it.
    """
    from kansatsu import lint

    if ":" in action and (sentence := lint.doubt(action)):
        raise Failure(sentence, Exit.USAGE)


@click.command(
    epilog=example("kansatsu can role/app s3:GetObject arn:aws:s3:::photos/a.jpg --context aws:SourceIp=192.0.2.1")
)
@click.argument("principal")
@click.argument("action")
@click.argument("resource")
@click.option("--context", multiple=True, metavar="KEY=VALUE", help="A condition key; may be given several times.")
@click.option(
    "-o", "--output", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Format."
)
@click.option("--profile", metavar="NAME", help="Ask as this profile of your AWS files.")
@options.account_option
@options.where_options
def can(
    principal: str,
    action: str,
    resource: str,
    context: tuple[str, ...],
    form: str,
    profile: str | None,
    whose: str | None,
    **given: Any,
) -> None:
    """Say whether PRINCIPAL (an ARN, user/NAME, role/NAME or NAME; a role session too) may do ACTION on RESOURCE.

    Exit code 0: allowed; 4: denied, or for the policy of another account's resource to decide; 1: there is no such
    principal; 2: what was typed cannot be read, or AWS has no such action.
    """
    keys = context_keys(context)
    check(action)
    settings = options.load(**given).settings
    control = client.connect(settings, "kansatsu", profile, whose)
    iam = partial(client.connect, settings, "iam", profile, whose)
    with names.meant(iam, principal, ("user", "role"), usage=client.CANNOT_BE_READ):
        answer = control.simulate_access(Principal=principal, Action=action, Resource=resource, Context=keys)
    answer.pop("ResponseMetadata", None)
    if form == "json":
        click.echo(json.dumps(answer, indent=2))
    else:
        tell(f"Who: {answer['PrincipalArn']}")
        decided = answer["Evaluation"] | {"Undecided": answer["Undecided"]}
        for line in (*evaluation_lines(decided), *change_lines(answer)):
            tell(line)
        hint_at(answer, whose)
    if not answer["Evaluation"]["Allowed"]:
        click.get_current_context().exit(int(Exit.DENIED))
