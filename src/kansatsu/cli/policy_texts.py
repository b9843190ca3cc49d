"""Policy documents side by side: as a diff with the evidence beside each line, as AWS CLI commands, as Terraform."""

import difflib
import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kansatsu.cli.output import numbered

Answer = Mapping[str, Any]
_AWS_MANAGED = ":iam::aws:policy/"  # nobody else makes versions of them: one of one's own goes in their place
_OWN = "-suggested"
_LISTS = ("Action", "NotAction", "Resource", "NotResource")
_NOT_NAMES = re.compile(r"[^A-Za-z0-9_-]+", re.ASCII)


def pretty(text: str) -> list[str]:
    """A document line by line, one action or resource each, however it was written."""
    if not text:
        return []
    top = json.loads(text)
    statements = top.get("Statement", [])
    top["Statement"] = [_spread(item) for item in (statements if isinstance(statements, list) else [statements])]
    return json.dumps(top, indent=2).splitlines()


def combined(documents: Iterable[str]) -> str:
    """The statements of several documents in one, for comparison."""
    statements: list[Any] = []
    for text in documents:
        found = json.loads(text).get("Statement", [])
        statements += found if isinstance(found, list) else [found]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}) if statements else ""


def diff(
    before: str, after: str, names: tuple[str, str], notes: Mapping[str, str] | None = None, *, whole: bool = False
) -> Iterator[str]:
    """A unified diff of two documents; `notes` go beside lines that name an action, by its name.

    `whole`: all lines with their notes, also those that stay.
    """
    old, new = pretty(before), pretty(after)
    lines = list(difflib.unified_diff(old, new, *names, lineterm="", n=len(old) if whole else 3))
    for line in lines or ([f" {line}" for line in new] if whole else ()):
        noted = line[:1] in "-+" or whole
        said = (notes or {}).get(line[1:].strip().rstrip(",").strip('"'), "") if noted else ""
        yield f"{line}    # {said}" if said else line


def evidence(lines: Sequence[Answer]) -> dict[str, str]:
    """What to say beside each action: "removed: not used on record; confidence low"."""
    found: dict[str, str] = {}
    for line in lines:
        if line["Uses"]:
            times = "once" if line["Uses"] == 1 else f"{line['Uses']} times"
            last = line["LastUsed"].strftime("%Y-%m-%d")
            who = "one principal" if line["Principals"] == 1 else f"{line['Principals']} principals"
            said = f"{line['Fate']}: used {times} by {who}, last on {last}"
        else:
            said = f"{line['Fate']}: not used on record"
        said += _denied(line)
        said += f"; confidence {line['Confidence']}"
        known = found.get(line["Action"], said)  # of several statements with the same action each is told
        found[line["Action"]] = known if said in known else f"{known} | {said}"
    return found


def _denied(line: Answer) -> str:
    """Somebody may need what was denied: ", but tried 3 times and denied, last on 2026-11-25"."""
    if not line["Denied"]:
        return ""
    times = "once" if line["Denied"] == 1 else f"{line['Denied']} times"
    said = f", {'and' if line['Uses'] else 'but tried'} {times} {'' if line['Uses'] else 'and '}denied"
    said += f", last on {line['LastDenied']:%Y-%m-%d}"
    return said + (f" (its conditions ask for {' and '.join(line['UnmetKeys'])})" if line["UnmetKeys"] else "")


def commands(answer: Answer) -> Iterator[str]:
    """The AWS CLI commands that put a suggestion into force, each for the case that those before it succeeded.

    INVARIANT: nothing is deleted or detached where there is no evidence, or where what takes its place was refused.
    """
    yield from _remarks(answer)
    if _nothing_to_do(answer):
        return
    *first, last = _commands(answer)
    yield from (f"{command} &&" for command in first)
    yield last


def _commands(answer: Answer) -> Iterator[str]:
    subject, document = answer["Arn"], answer["Document"]
    kind, _, name = subject.rpartition(":")[2].partition("/")
    name = name.rpartition("/")[2]
    text = _option("policy-document", json.dumps(json.loads(document))) if document else ""
    if _AWS_MANAGED in subject:
        yield f"aws iam create-policy {_option('policy-name', name + _OWN)} {text}"
        return
    if kind == "policy":
        yield f"aws iam create-policy-version {_option('policy-arn', subject)} --set-as-default {text}"
        return
    who = _option(f"{kind}-name", name)
    if document:
        yield f"aws iam put-{kind}-policy {who} --policy-name suggested {text}"
    for policy in answer["Policies"]:
        if policy["PolicyArn"]:
            yield f"aws iam detach-{kind}-policy {who} {_option('policy-arn', policy['PolicyArn'])}"
        elif policy["PolicyName"] != "suggested" or not document:
            yield f"aws iam delete-{kind}-policy {who} {_option('policy-name', policy['PolicyName'])}"


def _option(name: str, value: str) -> str:
    """An option for a shell; what begins with a dash, as names may, is no option itself."""
    return f"--{name}{'=' if value.startswith('-') else ' '}{shlex.quote(value)}"


def terraform(answer: Answer) -> str:
    """A resource block for Terraform's AWS provider; what it takes the place of is to be removed by hand.

    https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/iam_policy
    https://developer.hashicorp.com/terraform/language/syntax/configuration#identifiers
    """
    remarks = list(_remarks(answer))
    if _nothing_to_do(answer):
        return "\n".join(remarks)
    if not answer["Document"]:
        return "\n".join([*remarks, "# nothing is left of these policies"])
    kind, _, path = answer["Arn"].rpartition(":")[2].partition("/")
    name = path.rpartition("/")[2]
    label = re.sub(r"^(?![A-Za-z_])", "_", _NOT_NAMES.sub("_", name))
    if kind == "policy":
        own = _AWS_MANAGED in answer["Arn"]
        head, names = f'resource "aws_iam_policy" "{label}"', {"name": name + _OWN if own else name}
        if "/" in path and not own:
            names["path"] = f"/{path.rpartition('/')[0]}/"
    else:
        head, names = f'resource "aws_iam_{kind}_policy" "{label}_suggested"', {"name": "suggested", kind: name}
    # In Terraform's templates ${ and %{ begin something of its own.
    text = "\n".join(pretty(answer["Document"])).replace("${", "$${").replace("%{", "%%{")
    attributes = "".join(f"  {key:<6} = {json.dumps(value)}\n" for key, value in names.items())
    block = f"{head} {{\n{attributes}  policy = <<JSON\n{text}\nJSON\n}}"
    return "\n".join([*remarks, block])


def _remarks(answer: Answer) -> Iterator[str]:
    """What to know, as comments: what was printed is used later, and elsewhere."""
    for line in (*gaps(answer), *answer["Notes"], *oversize(answer), *_without_evidence(answer)):
        yield "# " + " ".join(line.split())


def _without_evidence(answer: Answer) -> Iterator[str]:
    subject, document = answer["Arn"], answer["Document"]
    if _thin(answer):
        yield f"There is no evidence to change {subject} on: no request on record, or none that was allowed, and the "
        yield "record is short or has gaps. No command is proposed."
    elif not document and ":policy/" in subject:
        yield f"Nothing on record was allowed by {subject}: detach it instead of narrowing it."


def _nothing_to_do(answer: Answer) -> bool:
    return bool([*_without_evidence(answer), *oversize(answer)]) or not (answer["Document"] or answer["Policies"])


def oversize(answer: Answer) -> Iterator[str]:
    """Why AWS would refuse the document for its size; of inline policies those that are there count, too."""
    from kansatsu.policy import parse
    from kansatsu.policy.quotas import QUOTAS

    if not answer["Document"]:
        return
    kind = answer["Arn"].rpartition(":")[2].partition("/")[0]
    quota = QUOTAS["managed" if kind == "policy" else kind]
    size = quota.measure(parse(answer["Document"]))
    said = f"The suggested policy has {size} {quota.unit}"
    if size > quota.size:
        what = "a managed policy" if kind == "policy" else f"the inline policies of a {kind}"
        yield f"{said}, and AWS takes {quota.size} of {what}: it has to be made smaller, or several."
    elif kind != "policy":
        others = (item for item in answer["Policies"] if not item["PolicyArn"] and item["PolicyName"] != "suggested")
        beside = sum(quota.measure(parse(item["Document"])) for item in others)
        if size + beside > quota.size:
            yield (
                f"{said} and the inline policies in whose place it goes {beside}, and AWS takes {quota.size} of a "
                f"{kind} together: put it in the place of one of them, by its name."
            )


def _thin(answer: Answer) -> bool:
    """Is silence all that there is, of a record that proves nothing by its silence?"""
    used = answer["Requests"] and answer["Document"]
    return not used and all(line["Confidence"] == "low" for line in answer["Lines"])


def gaps(answer: Answer) -> list[str]:
    """Where evidence is missing, in sentences."""
    return [
        f"Gap in the evidence ({', '.join(filter(None, (gap['Why'], gap.get('Segment'))))}): "
        f"{gap['After']:%Y-%m-%d %H:%M:%S} to {gap['Until']:%Y-%m-%d %H:%M:%S}"
        + (f", {numbered(gap['Lost'], 'record')} lost" if gap["Lost"] else "")
        for gap in answer["Gaps"]
    ]


RARELY = (
    "What shows as unused may be used rarely: a record of a week without gaps gives medium confidence, of 90 days high."
)


def reach(answer: Answer) -> list[str]:
    """How far back a suggestion looks, and how far its silence may be taken for "unused"."""
    since, confidence = answer["Since"], answer["Confidence"]
    days = numbered((answer["Until"] - since).days, "day")
    said = [
        f"From {numbered(answer['Requests'], 'request')} since {since:%Y-%m-%d %H:%M}, {days}: {confidence} confidence."
    ]
    return said + ([RARELY] if confidence == "low" else [])


def _spread(statement: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: [value] if key in _LISTS and isinstance(value, str) else sorted(value) if key in _LISTS else value
        for key, value in statement.items()
    }
