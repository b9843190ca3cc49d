"""`kansatsu who-can`: everybody who may do something, through which policy and under which conditions."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import click

from kansatsu.cli import client, options
from kansatsu.cli.can import check, context_keys
from kansatsu.cli.output import again, emit, example, hint, output_option, say

COLUMNS = ["principal", "policy", "through", "statement", "line", "conditions"]


@click.command(epilog=example("kansatsu who-can s3:DeleteObject arn:aws:s3:::photos/a.jpg"))
@click.argument("action")
@click.argument("resource")
@click.option("--context", multiple=True, metavar="KEY=VALUE", help="A condition key; may be given several times.")
@click.option("--profile", metavar="NAME", help="Ask as this profile of your AWS files.")
@output_option
@options.account_option
@options.where_options
def who_can(
    action: str,
    resource: str,
    context: tuple[str, ...],
    profile: str | None,
    whose: str | None,
    form: str,
    **given: Any,
) -> None:
    """List the users and roles of the account, and whom else RESOURCE admits, that may do ACTION, and through what."""
    keys = context_keys(context)
    check(action)
    control = client.connect(options.load(**given).settings, "kansatsu", profile, whose)
    with client.answers(usage=client.CANNOT_BE_READ):
        rows = [_row(item) for item in _all(control, {"Action": action, "Resource": resource, "Context": keys})]
    if not rows:
        say("kansatsu: nobody may do that, as far as this account can tell.")
        hint(again(f"can user/NAME {shlex.quote(action)} {shlex.quote(resource)}"), form)
    emit(sorted(rows, key=lambda row: [str(row[column]) for column in COLUMNS]), COLUMNS, form)


def _all(control: Any, asked: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
    while True:
        answer = control.list_principals_with_access(**asked)
        yield from answer["Principals"]
        if "NextToken" not in answer:
            return
        asked["NextToken"] = answer["NextToken"]


def _row(item: Mapping[str, Any]) -> dict[str, Any]:
    sid = f" ({item['Sid']})" if item.get("Sid") else ""
    through = item["Through"]
    return {
        "principal": item["PrincipalArn"],
        "policy": item.get("PolicyArn") or item["PolicyName"],
        "through": "" if through == item["PrincipalArn"] else through,
        "statement": f"{item['Index'] + 1}{sid}",
        "line": item["Line"],
        "conditions": "; ".join(item["Conditions"]),
    }
