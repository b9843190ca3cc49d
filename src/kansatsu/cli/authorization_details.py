"""`kansatsu import` and `kansatsu export`: an account as `aws iam get-account-authorization-details` prints it."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from kansatsu.cli import client, options
from kansatsu.cli.account import opened
from kansatsu.cli.files import read
from kansatsu.cli.output import Exit, Failure, again, hint, numbered, say
from kansatsu.cli.settings import Settings

_PROFILE = click.option("--profile", metavar="NAME", help="Ask as this profile of your AWS files.")
_ACCOUNT = click.option("--account", metavar="NAME|ID", help="Of this account; else the first one.")
_COUNTED = {"Users": "user", "Groups": "group", "Roles": "role", "Policies": "policy"}
_OWNED = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")


@click.command("import")
@click.argument("file")
@click.option(
    "--account",
    metavar="NAME|ID",
    help="Add to this account; else the one that the file is of. "
    "With --profile it must be the id of the profile's own.",
)
@_PROFILE
@options.where_options
def import_(file: str, account: str | None, profile: str | None, **given: Any) -> None:
    """Build an account from the output of `aws iam get-account-authorization-details`; - is standard input."""
    settings = options.load(**given).settings
    text = read(file)
    source = _account_of(file, text)
    made = None
    if profile is None and account is None:
        made = _opened(settings, source, text)
    if made is None:
        if profile is not None and account is not None:
            _require_own(settings, profile, account)
        whose = None if profile is not None else account or source
        control = client.connect(settings, "kansatsu", profile, whose)
        with client.answers():
            made = control.import_account(Document=text, IntoEmpty=account is None)
    counted = ", ".join(numbered(made[member], word) for member, word in _COUNTED.items())
    say(f"Imported into account {made['AccountId']}: {counted}.")
    if renewed := made["RenewedIds"]:
        say(f"{renewed} unique ids are new: those of the file are, or were, somebody else's here.")
    if admin := made.get("Administrator"):
        say(f"The file has a user of the administrator's name: the administrator is the user {admin}.")
    hint(again(f"export --account {made['AccountId']}"), "table")


def _require_own(settings: Settings, profile: str, account: str) -> None:
    """A profile is of one account, which --account names once more: so that nothing is added without being said."""
    with client.answers():
        own = client.connect(settings, "sts", profile).get_caller_identity()["Account"]
    if account != own:
        raise Failure(f"Profile {profile} is of account {own}, and --account says {account}.", Exit.USAGE)


def _account_of(file: str, text: str) -> str:
    """The account of which the file is."""
    try:
        document = json.loads(text)
        arns = [str(item.get("Arn", "")).split(":") for name in _OWNED for item in document.get(name, [])]
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise Failure(f"{file} is not JSON, or not all of it ({place}).") from None
    except (ValueError, AttributeError, TypeError, RecursionError):
        raise Failure(f"{file} is not what `aws iam get-account-authorization-details` prints.") from None
    found = {parts[4] for parts in arns if len(parts) > 5 and parts[4].isdigit()}
    if len(found) != 1:
        raise Failure(f"{file} names {len(found)} accounts as owners of what is in it, and must name one.")
    return found.pop()


def _opened(settings: Settings, account: str, text: str) -> dict[str, Any] | None:
    """What was imported into a new account with that id, which is opened by it; None: there is one already."""
    control = client.connect(settings, "kansatsu")
    with client.answers():
        known = {each["Id"] for each in control.list_accounts()["Accounts"]}
    if account in known:
        return None
    made = opened(settings, control, {"AccountId": account, "Document": text})
    say(f"Opened account {account}.")
    return made["Imported"]  # type: ignore[no-any-return]  # of the model


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
