"""`kansatsu account`: further accounts in one installation; the keys of their administrators are kept as profiles."""

from typing import Any

import click

from kansatsu.cli import client, credentials, daemon, options
from kansatsu.cli.groups import Group
from kansatsu.cli.output import Failure, again, emit, hint, output_option, say
from kansatsu.cli.settings import Settings
from kansatsu.cli.surroundings import Keys
from kansatsu.cli.values import nearest

_PROFILE = click.option("--profile", metavar="NAME", help="Ask as this profile of your AWS files.")


@click.group(cls=Group)
def account() -> None:
    """Accounts: each is a namespace of its own, with its own users, roles, buckets and administrator."""


@account.command()
@click.option("--name", metavar="NAME", help="Unique name; the id unless it is given.")
@click.option("--id", "wanted", metavar="ID", help="12 digits; made unless they are given.")
@output_option
@_PROFILE
@options.where_options
def create(name: str | None, wanted: str | None, form: str, profile: str | None, **given: Any) -> None:
    """Open a further account with an administrator of its own."""
    settings = options.load(**given).settings
    asked = {member: text for member, text in (("Name", name), ("AccountId", wanted)) if text is not None}
    control = client.connect(settings, "kansatsu", profile)
    with client.answers({"'accountId'": "--id"}, usage=client.CANNOT_BE_READ):
        made = control.create_account(**asked)
    row, keys = made["Account"], Keys(made["AccessKeyId"], made["SecretAccessKey"])
    shown = {"id": row["Id"], "name": row["Name"]}
    if profile is not None and (daemon.is_anothers(settings.data_dir) or daemon.running(settings.data_dir) is None):
        # Somebody else's server: this is the only time that anybody sees the key.
        shown |= {"access-key-id": keys.access_key_id, "secret-access-key": keys.secret_access_key}
        emit([shown], list(shown), form)
        return
    section = _keep(settings, row, keys)
    emit([shown], list(shown), form)
    if form == "table":
        say(f"Wrote profile {section} to {settings.data_dir / daemon.CREDENTIALS_FILE}.")
    hint(f'eval "$({again("env --account " + row["Name"])})"', form)


@account.command("root-key")
@click.argument("account")
@click.option("--keep", is_flag=True, help="Keep it as the account's profile, so that --account finds it.")
@output_option
@_PROFILE
@options.where_options
def root_key(account: str, keep: bool, form: str, profile: str | None, **given: Any) -> None:
    """Make an access key of an account's root user, and print it: it is shown this once."""
    settings = options.load(**given).settings
    control = client.connect(settings, "kansatsu", profile)
    with client.answers():
        known = control.list_accounts()["Accounts"]
        row = next((each for each in known if account in (each["Name"], each["Id"])), None)
        if row is None:
            near = nearest(account, [each["Name"] for each in known])
            raise Failure(f"There is no account {account} in this installation{near}")
        if keep and (section := credentials.section_of(row["Name"])) in credentials.read_all(settings.data_dir):
            raise Failure(f"There is a profile {section} already; {again('env --account ' + row['Name'])} uses it.")
        made = control.create_root_access_key(AccountId=row["Id"])
    if keep:
        _keep(settings, row, Keys(made["AccessKeyId"], made["SecretAccessKey"]))
    shown = {"access-key-id": made["AccessKeyId"], "secret-access-key": made["SecretAccessKey"]}
    emit([shown], list(shown), form)
    if form == "table":
        say("Delete it when the work is done: aws iam delete-access-key --access-key-id " + made["AccessKeyId"])


def opened(settings: Settings, control: Any, asked: dict[str, str]) -> dict[str, Any]:
    """Open an account, and what the answer is; its administrator's keys are kept as a profile."""
    with client.answers():
        made: dict[str, Any] = control.create_account(**asked)
    _keep(settings, made["Account"], Keys(made["AccessKeyId"], made["SecretAccessKey"]))
    return made


def _keep(settings: Settings, row: dict[str, Any], keys: Keys) -> str:
    """Write the keys down; the name of the profile."""
    section = credentials.section_of(row["Name"])
    try:
        with credentials.editing(settings.data_dir) as known:
            known[section] = keys
    except OSError as error:
        path = settings.data_dir / daemon.CREDENTIALS_FILE
        why = f"{path} cannot be written ({error.strerror}); the next start of the server writes its profile"
        raise Failure(f"The account {row['Id']} is open, but {why} {section}.") from None
    return section


@account.command()
@output_option
@_PROFILE
@options.where_options
def ls(form: str, profile: str | None, **given: Any) -> None:
    """List the accounts of this installation; the first one is the one that the first start made."""
    control = client.connect(options.load(**given).settings, "kansatsu", profile)
    with client.answers():
        found = control.list_accounts()["Accounts"]
    rows = [{"id": a["Id"], "name": a["Name"], "created": a["Created"].isoformat()} for a in found]
    emit(rows, ("id", "name", "created"), form)
    hint(again("account create --name NAME") if len(found) == 1 else again("env --account NAME"), form)
