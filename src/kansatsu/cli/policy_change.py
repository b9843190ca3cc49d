"""`kansatsu policy replay` and `diff`: what a change of policies would have refused, and what it changes."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from kansatsu.cli import client, options, policy_texts
from kansatsu.cli.files import read_policy
from kansatsu.cli.names import arn_of, meant, policy_of
from kansatsu.cli.output import Exit, Failure, emit, example, output_option, say, tell
from kansatsu.cli.times import moment

Command = TypeVar("Command", bound=Callable[..., Any])
Answer = Mapping[str, Any]
COLUMNS = ["time", "principal", "action", "resource", "times", "reason", "request-id"]
_MOST_SHOWN = 5
FLAGS = {"NewPolicy": "--new"}  # what the command line calls parameters that messages name


def change_options(command: Command) -> Command:
    """A change of policies: what it is about, and one of its kinds."""
    for decorate in (
        options.where_options,
        options.account_option,
        click.option("--profile", metavar="NAME", help="Ask as this profile of your AWS files."),
        click.option("--since", metavar="TIME", help="Only requests since then: 90d, 12h, or 2026-11-05[T12:00:00]."),
        click.option("--suggested", is_flag=True, help="The policy that `policy suggest` proposes."),
        click.option("--delete", metavar="NAME", help="The inline policy NAME of ARN goes."),
        click.option("--detach", metavar="POLICY", help="The managed policy is detached from ARN."),
        click.option("--new", is_flag=True, help="ARN has no inline policy NAME yet."),
        click.option("--policy-name", metavar="NAME", help="The inline policy that FILE is to be."),
        click.option("--change", metavar="FILE", help="The new document of the policy ARN, or with --policy-name."),
        click.argument("arn"),
    ):
        command = decorate(command)
    return command


class Asked:
    """The change that a command line asks for, and the clients to ask with."""

    def __init__(self, arn: str, given: dict[str, Any]) -> None:
        changes = {name: given.pop(name) for name in ("change", "policy_name", "new", "detach", "delete", "suggested")}
        if "trust" in given:
            changes["trust"] = given.pop("trust")
        since, profile, whose = (given.pop(name) for name in ("since", "profile", "whose"))
        one_change(changes)
        settings = options.load(**given).settings
        self.iam = client.connect(settings, "iam", profile, whose)
        self.control = client.connect(settings, "kansatsu", profile, whose)
        self.arn, detached = either_way(self.iam, arn, changes["detach"])
        found = {
            "Document": read_policy(changes["change"]) if changes["change"] else None,
            "TrustDocument": read_policy(changes["trust"], trust=True) if changes.get("trust") else None,
            "PolicyName": changes["policy_name"],
            "NewPolicy": changes["new"] or None,
            "DetachPolicyArn": detached,
            "DeletePolicyName": changes["delete"],
            "Suggested": changes["suggested"] or None,
            "Since": moment(since) if since else None,
        }
        self.parameters = {"Arn": self.arn} | {name: value for name, value in found.items() if value is not None}


def either_way(iam: Any, arn: str, detached: str | None) -> tuple[str, str | None]:
    """The ARNs of a subject and of what is detached from it: from whom, or what, either way round is clear."""
    found = arn_of(iam, arn)
    if detached is None:
        return found, None
    return (arn_of(iam, detached), found) if ":policy/" in found else (found, policy_of(iam, detached))


def one_change(changes: Mapping[str, Any]) -> None:
    """Ends the command with exit 2 unless exactly one kind of change is asked for."""
    kinds = (changes["change"], changes["detach"], changes["delete"], changes["suggested"], changes.get("trust"))
    if sum(map(bool, kinds)) != 1:
        trust = ", --trust" if "trust" in changes else ""  # a commit has none
        raise Failure(f"Give one of --change, --detach, --delete{trust} and --suggested.", Exit.USAGE)
    if changes["policy_name"] and not changes["change"]:
        raise Failure(
            "--policy-name is of the inline policy that --change FILE is to be; --delete takes NAME.", Exit.USAGE
        )
    if changes["new"] and not changes["policy_name"]:
        raise Failure("--new goes with --policy-name.", Exit.USAGE)


@click.command(epilog=example("kansatsu policy replay role/app --detach AmazonS3FullAccess"))
@change_options
@click.option("--trust", metavar="FILE", help="The new trust policy of the role ARN: who would lose the role?")
@click.option(
    "--max",
    "most",
    type=click.IntRange(0, 10_000),
    default=100,
    show_default=True,
    help="Lines; requests that are alike are one.",
)
@click.option(
    "--from",
    "report",
    metavar="REPORT",
    type=click.Path(path_type=Path),
    help="By a report of `kansatsu analyze`, without a server.",
)
@output_option
def replay(arn: str, most: int, report: Path | None, form: str, **given: Any) -> None:
    """Say which recorded requests a change of policies would have refused. Changes nothing.

    ARN is that of a managed policy, user, group or role; or user/NAME, group/NAME, role/NAME, policy/NAME; or a NAME
    that only one of them has. Exit code 0: none; 1: some; what nobody can tell is said beside.
    """
    if report is not None:
        from kansatsu.cli import offline

        answer = offline.replayed(report, arn, given, most)
    else:
        asked = Asked(arn, given)
        with meant(lambda: asked.iam, asked.arn), client.answers(FLAGS):
            answer = asked.control.replay_policy_change(**asked.parameters, MaxRequests=most)
    show(answer, form)
    if answer["Refused"]:
        raise SystemExit(int(Exit.FAILED))


def show(answer: Answer, form: str) -> None:
    """A replay: the requests that would have been refused on stdout, what to know besides on stderr."""
    if form == "json":
        shown = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
        click.echo(json.dumps(shown, indent=2, default=lambda value: value.isoformat()))
        return
    rows = [
        {
            "time": item["Time"].strftime("%Y-%m-%d %H:%M:%S"),
            "principal": item["PrincipalArn"],
            "action": item["Action"],
            "resource": item["Resource"],
            "times": item["Count"],
            "reason": item["Reason"],
            "request-id": item["RequestId"],
        }
        for item in answer["RefusedRequests"]
    ]
    if rows or form == "csv":
        emit(rows, COLUMNS, form)
    for line in summary(answer):
        say(line)


def summary(answer: Answer) -> list[str]:
    """A replay in sentences."""
    since, people = answer["Since"].strftime("%Y-%m-%d %H:%M"), _count(len(answer["PrincipalArns"]), "principal")
    lines = [
        f"{_count(answer['Requests'], 'request')} since {since} of {people}: "
        f"{answer['Allowed']} allowed as before, {answer['Refused']} would be refused, "
        f"{answer['CannotTell']} cannot be told."
    ]
    more = {
        "RefusedAlready": "allowed then, and refused already by the policies of now",
        "Denied": "denied or failed then, and not concerned",
        "NewlyAllowed": "denied then, and would be allowed",
    }
    lines += [f"  {answer[name]} {said}" for name, said in more.items() if answer[name]]
    listed = sum(item["Count"] for item in answer["RefusedRequests"])
    if listed < answer["Refused"]:
        lines.append(f"  {answer['Refused'] - listed} that would be refused are not listed: ask for more with --max")
    if answer.get("Confidence") == "low":  # reports have none
        lines.append(f"Low confidence. {policy_texts.RARELY}")
    for item in answer["Unknown"]:
        ids = f" ({', '.join(item['RequestIds'][:_MOST_SHOWN])})" if item["RequestIds"] else ""  # logs keep none
        lines.append(f"Cannot tell, {item['Count']}: {item['Reason']}{ids}")
    return [*lines, *policy_texts.gaps(answer), *(f"Note: {note}" for note in answer["Notes"])]


@click.command(epilog=example("kansatsu policy diff shared --from v1 --to v2"))
@click.argument("arn")
@click.option("--from", "old", metavar="VERSION", help="Version of the managed policy ARN to begin with: v1.")
@click.option("--to", "new", metavar="VERSION", help="Version to end with; the default version unless it is given.")
@click.option("--change", metavar="FILE", help="A document to end with.")
@click.option("--suggested", is_flag=True, help="End with what `policy suggest` proposes.")
@click.option("--profile", metavar="NAME", help="Ask as this profile of your AWS files.")
@options.account_option
@options.where_options
def diff(
    arn: str,
    old: str | None,
    new: str | None,
    change: str | None,
    suggested: bool,
    profile: str | None,
    whose: str | None,
    **given: Any,
) -> None:
    """Compare versions of a managed policy, or the one in force with a file or a suggestion. Exit code 1: they differ.

    Without options: the version before the default one with the default one.
    """
    if sum((new is not None, change is not None, suggested)) > 1:
        raise Failure("Give one of --to, --change and --suggested.", Exit.USAGE)
    settings = options.load(**given).settings
    iam = client.connect(settings, "iam", profile, whose)
    with meant(lambda: iam, arn, ("policy",)):
        arn = policy_of(iam, arn)
        default = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        ends_elsewhere = change is not None or suggested
        begin = old or (default if ends_elsewhere or new else _before(iam, arn, default))
        before, after, name = _version(iam, arn, begin), "", new or default
        if change is not None:
            after, name = read_policy(change), change
        elif suggested:
            control = client.connect(settings, "kansatsu", profile, whose)
            after, name = control.suggest_policy_change(Arn=arn)["Document"], "suggested"
        else:
            after = _version(iam, arn, name)
    try:
        lines = list(policy_texts.diff(before, after, (begin, name)))
    except ValueError:
        raise Failure(f"{name} is not JSON.") from None
    for line in lines:
        tell(line)
    if lines:
        raise SystemExit(int(Exit.FAILED))
    say(f"{begin} and {name} say the same.")


def _version(iam: Any, arn: str, version: str) -> str:
    found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return json.dumps(found)


def _before(iam: Any, arn: str, default: str) -> str:
    """The newest version that is older than the default one; the default one where there is none."""
    numbers = [int(item["VersionId"][1:]) for item in iam.list_policy_versions(PolicyArn=arn)["Versions"]]
    return f"v{max((number for number in numbers if number < int(default[1:])), default=int(default[1:]))}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")
