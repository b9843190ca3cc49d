"""`kansatsu why`: who was denied what, which statement decided and where it stands, and what would allow it."""

import hashlib
import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import click

from kansatsu.cli import client, credentials, options
from kansatsu.cli.output import Exit, Failure, again, example, hint, tell

_REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_AUTHORIZATION_ID = re.compile(r"[0-9a-z]{30}")
_ENCODED = re.compile(r"[A-Za-z0-9_=-]{60,}")
# What an error message says, for those who pass the whole of it.
_SAID = re.compile(
    r"authorization id: (?P<id>[0-9a-z]{30})\b|authorization failure message: (?P<encoded>[A-Za-z0-9_=-]{60,})"
)
_LONGEST_TEXT = 20  # lines of a statement
_LONGEST_NAME = 60  # characters of what is no id
_VERDICTS = {"allowed": "allows it", "explicitDeny": "DENIES it", "implicitDeny": "does not allow it"}


@click.command(epilog=example("kansatsu why --last"))
@click.argument("what", required=False, metavar="[REQUEST_ID | AUTHORIZATION_ID | ENCODED]")
@click.option("--last", is_flag=True, help="The last denial in the account; so does no argument.")
@click.option(
    "-o", "--output", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Format."
)
@click.option("--profile", metavar="NAME", help="Ask as this profile of your AWS files.")
@options.account_option
@options.where_options
def why(what: str | None, last: bool, form: str, profile: str | None, whose: str | None, **given: Any) -> None:
    """Explain a denial: the statement that decided, and the smallest change that would allow it."""
    if what and last:
        raise Failure("Give --last or an id, not both.", Exit.USAGE)
    settings = options.load(**given).settings
    asked = _asked(what)
    control = client.connect(settings, "kansatsu", profile, whose)
    try:
        with client.answers():
            answer = control.explain_request(**asked)
    except Failure as failure:
        elsewhere = profile is None and whose is None and len(credentials.read_all(settings.data_dir)) > 1
        if not (elsewhere and failure.message.startswith("NoSuchRequest: ")):
            raise
        of_another = f"For one of another account: `{again(' '.join(filter(None, ('why', what, '--account NAME'))))}`."
        raise Failure(f"{failure.message} {of_another}", Exit(failure.exit_code)) from None
    answer.pop("ResponseMetadata", None)
    if form == "json":
        click.echo(json.dumps(answer, indent=2, default=lambda moment: moment.isoformat()))
        return
    for line in explanation_lines(answer):
        tell(line)
    hint_at(answer, whose)


def hint_at(answer: Mapping[str, Any], whose: str | None) -> None:
    """Print the commands that make the changes, of the account `whose`."""
    for command in _commands(answer.get("Changes", [])):
        # The shell is not that account's, or --account would not have been needed.
        hint(command if whose is None else again(f"aws --account {shlex.quote(whose)}") + command.removeprefix("aws"))


def _asked(what: str | None) -> dict[str, str]:
    """What to ask for. Ends the command with exit 2 for what names no request."""
    if not what:
        return {}
    if said := _SAID.search(what):
        what = said["id"] or said["encoded"]
    if _REQUEST_ID.fullmatch(what):
        return {"RequestId": what.lower()}
    if _AUTHORIZATION_ID.fullmatch(what):
        return {"AuthorizationId": what}
    if _ENCODED.fullmatch(what):
        return {"EncodedMessage": what}
    shown = what if len(what) <= _LONGEST_NAME else what[:_LONGEST_NAME] + "..."
    raise Failure(
        f"{shown} is neither a request id such as 01234567-89ab-cdef-0123-456789abcdef, nor an authorization id (30 "
        "letters and digits) or an encoded message out of an error; without any of them it is the last denial.",
        Exit.USAGE,
    )


def explanation_lines(answer: Mapping[str, Any]) -> Iterator[str]:
    """All that ExplainRequest answered, for the person."""
    yield f"Who:       {answer['PrincipalArn']}"
    yield f"When:      {answer['Time'].isoformat()} in {answer['Region']}, request {answer['RequestId']}"
    if operation := answer.get("Operation"):
        yield f"Operation: {operation}"
    for item in answer["Evaluations"]:
        yield ""
        yield from evaluation_lines(item)
    yield from change_lines(answer)


_THEIRS = "allowed by the policies of this account; those of the account that owns the resource decide as well"


def evaluation_lines(item: Mapping[str, Any]) -> Iterator[str]:
    """One decision for the person: what was decided, by whom, where, and in which context."""
    undecided = item.get("Undecided")
    decided = "Allowed" if item["Allowed"] else "Undecided" if undecided else "Denied"
    yield f"{decided}: {item['Action']} on {item['Resource']}"
    yield f"  {_THEIRS if undecided else item['Reason']}"
    for said in item.get("Verdicts", []):
        yield f"  {said['PolicyType'] + ':':<25} {_VERDICTS.get(said['Verdict'], said['Verdict'])}"
    for statement in item.get("Statements", []):
        yield from _statement(statement)
    if missing := item.get("MissingKeys"):
        yield f"  Condition keys that statements asked for and the request had no value of: {', '.join(missing)}"
    yield "  Context:"
    for key in item.get("Context", []):
        yield f"    {key['Key']} = {', '.join(key['Values'])}"


def _statement(statement: Mapping[str, Any]) -> Iterator[str]:
    source = statement.get("PolicyArn") or " of ".join(
        filter(None, (statement.get("PolicyName") or statement["PolicyType"], statement.get("Owner")))
    )
    if ":organizations:" in source:  # the same policy may hang on several levels
        source += f" on {statement['Owner']}"
    sid = f" ({statement['Sid']})" if statement.get("Sid") else ""
    decided = ", which decided" if statement["Deciding"] else ""
    place = f"statement {statement['Index'] + 1}{sid}{decided}"
    yield f"  {statement['Effect']} by {place}: {source}, line {statement['Line']}"
    text = statement["Text"].splitlines()
    yield from (f"    | {line}" for line in text[:_LONGEST_TEXT])
    if len(text) > _LONGEST_TEXT:
        yield f"    | ... ({len(text) - _LONGEST_TEXT} lines more)"


def change_lines(answer: Mapping[str, Any]) -> Iterator[str]:
    """What would allow it, and the notes."""
    if changes := answer.get("Changes", []):
        yield ""
        yield from _changes(changes)
    for note in answer.get("Notes", []):
        yield ""
        yield f"Note: {note}"


def _changes(changes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "The smallest change that allows it" + (" (all of these):" if len(changes) > 1 else ":")
    for change in changes:
        if change["Kind"] == "MeetCondition":
            yield f"  {change['Description']}"
        else:
            yield f"  {change['Description']}:"
            yield f"    {change['Statement']}"


def _commands(changes: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The AWS CLI's commands for changes that one can make at once: new inline policies.

    Past a condition that somebody wrote there is no command to copy.
    Statements for the same policy go into one document, since a second command would replace what the first put there.
    """
    documents: dict[tuple[str, str, str], list[Any]] = {}
    for change in changes:
        if change.get("PastConditions"):
            return
        owner = re.fullmatch(r"arn:[^:]*:iam::[0-9]*:(user|role)/(?:.*/)?([^/]+)", change.get("Owner", ""))
        if change["Kind"] == "AddStatement" and change["PolicyType"] == "identity-based policy" and owner is not None:
            policy = (*owner.groups(), change["PolicyName"])
            documents.setdefault(policy, []).append(json.loads(change["Statement"]))
    for (kind, name, policy_name), statements in documents.items():
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        # The same action on another resource is another policy, not this one's replacement.
        distinct = f"{policy_name[:121]}-{hashlib.sha256(document.encode()).hexdigest()[:6]}"
        what = ["--policy-name", distinct, "--policy-document", document]
        yield _shell(["aws", "iam", f"put-{kind}-policy", f"--{kind}-name", name, *what])


def _shell(words: Iterable[str]) -> str:
    return " ".join(map(shlex.quote, words))
