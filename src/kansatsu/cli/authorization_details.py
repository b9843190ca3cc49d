"""`kansatsu import` and `kansatsu export`: an account as `aws iam get-account-authorization-details` prints it."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from kansatsu.cli import client, options
from kansatsu.cli.account import opened
from kansatsu.cli.output import Failure, again, hint, numbered, say
from kansatsu.cli.settings import Settings

_PROFILE = click.option("--profile", metavar="NAME", help="Ask as this profile of your AWS files.")
_ACCOUNT = click.option("--account", metavar="NAME|ID", help="Of this account; else the first one.")
_COUNTED = {"Users": "user", "Groups": "group", "Roles": "role", "Policies": "policy"}
_OWNED = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--account", metavar="NAME|ID", help="Add to this account; else the one that the file is of.")
@_PROFILE
@options.where_options
def import_(file: Path, account: str | None, profile: str | None, **given: Any) -> None:
    """Build an account from the output of `aws iam get-account-authorization-details`."""
    settings = options.load(**given).settings
    text = file.read_text(encoding="utf-8")
    source = _account_of(file, text)
    whole = account is None
    if profile is None:
        account = account or _ready(settings, source)
    control = client.connect(settings, "kansatsu", profile, account)
    with client.answers():
        made = control.import_account(Document=text, IntoEmpty=whole)
    counted = ", ".join(numbered(made[member], word) for member, word in _COUNTED.items())
    say(f"Imported into account {made['AccountId']}: {counted}.")
    if renewed := made["RenewedIds"]:
        say(f"{renewed} unique ids are new: those of the file are, or were, somebody else's here.")
    hint(again(f"export --account {made['AccountId']}"), "table")


def _account_of(file: Path, text: str) -> str:
    """The account of which the file is."""
    try:
        document = json.loads(text)
        arns = [str(item.get("Arn", "")).split(":") for name in _OWNED for item in document.get(name, [])]
    except (ValueError, AttributeError, TypeError):
        raise Failure(f"{file} is not what `aws iam get-account-authorization-details` prints.") from None
    found = {parts[4] for parts in arns if len(parts) > 5 and parts[4].isdigit()}
    if len(found) != 1:
        raise Failure(f"{file} names {len(found)} accounts as owners of what is in it, and must name one.")
    return found.pop()


def _ready(settings: Settings, account: str) -> str:
    """The account with that id, opened if there is none yet."""
    control = client.connect(settings, "kansatsu")
    with client.answers():
        known = {each["Id"]: each["Name"] for each in control.list_accounts()["Accounts"]}
    if account not in known:
        opened(settings, control, {"AccountId": account})
        say(f"Opened account {account}.")
    return account


@click.command()
@_ACCOUNT
@_PROFILE
@options.where_options
def export(account: str | None, profile: str | None, **given: Any) -> None:
    """Print an account as `aws iam get-account-authorization-details` does."""
    settings = options.load(**given).settings
    iam = client.connect(settings, "iam", profile, account)
    with client.answers():
        details: dict[str, Any] = {name: [] for name in _OWNED}
        for page in iam.get_paginator("get_account_authorization_details").paginate():
            for name in _OWNED:
                details[name] += page[name]
        own = "" if profile is not None else client.connect(settings, "sts", None, account).get_caller_identity()["Arn"]
    click.echo(json.dumps(_without(details, own), indent=4, default=_plain))


def _without(details: dict[str, Any], own: str) -> dict[str, Any]:
    """All but the administrator whom Kansatsu made, and what is there for its sake alone."""
    for user in [user for user in details["UserDetailList"] if user["Arn"] == own]:
        details["UserDetailList"].remove(user)
        attached = {each["PolicyArn"] for each in user["AttachedManagedPolicies"]}
        for policy in details["Policies"]:
            policy["AttachmentCount"] -= policy["Arn"] in attached
        details["Policies"] = [policy for policy in details["Policies"] if _counts(policy)]
    return details


def _counts(policy: Mapping[str, Any]) -> bool:
    """Is it the account's own, or in use?"""
    used = policy["AttachmentCount"] or policy["PermissionsBoundaryUsageCount"]
    return bool(used) or not policy["Arn"].startswith("arn:aws:iam::aws:")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} is not JSON")
