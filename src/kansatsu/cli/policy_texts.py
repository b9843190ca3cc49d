"""Policy documents side by side: as a diff with the evidence beside each line, as AWS CLI commands, as Terraform."""

import difflib
import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kansatsu.cli.output import numbered
from kansatsu.cli.policy_split import OWN, Plan, kind_and_name, one_line, plan

Answer = Mapping[str, Any]
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
        said += f"; confidence {line['Confidence']}" + _hidden(line)
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


def _hidden(line: Answer) -> str:
    """What goes with a wildcard, used or not: "; no record shows 12 of its actions (aws-portal:ViewBilling, ...)"."""
    count = line.get("Hidden", 0)
    if not count:
        return ""
    named = ", ".join(line["HiddenActions"]) + (", ..." if count > len(line["HiddenActions"]) else "")
    return f"; no request here shows {count} of its actions ({named})"


def commands(answer: Answer) -> Iterator[str]:
    """The AWS CLI commands that put a suggestion into force, each for the case that those before it succeeded.

    INVARIANT: nothing is deleted or detached where there is no evidence, or where what takes its place was refused.
    """
    yield from _remarks(answer)
    if _nothing_to_do(answer):
        return
    *first, last = _commands(answer, plan(answer))
    yield from (f"{command} &&" for command in first)
    yield last


def _commands(answer: Answer, made: Plan) -> Iterator[str]:
    subject = answer["Arn"]
    for name, text in made.more:
        yield f"aws iam create-policy {_option('policy-name', name)} {_document(text)}"
    for kind, who in map(kind_and_name, made.holders):
        for name, _ in made.more:
            arn = f"{subject.rpartition(':')[0]}:policy/{name}"
            yield f"aws iam attach-{kind}-policy {_option(f'{kind}-name', who)} {_option('policy-arn', arn)}"
    kind, name = kind_and_name(subject)
    if kind == "policy":
        if made.own:
            arn = _option("policy-arn", subject)
            yield f"aws iam create-policy-version {arn} --set-as-default {_document(made.own)}"
        return
    who = _option(f"{kind}-name", name)
    if made.own:
        yield f"aws iam put-{kind}-policy {who} --policy-name suggested {_document(made.own)}"
    for policy in answer["Policies"]:
        if policy["PolicyArn"]:
            yield f"aws iam detach-{kind}-policy {who} {_option('policy-arn', policy['PolicyArn'])}"
        elif policy["PolicyName"] != "suggested" or not made.own:
            yield f"aws iam delete-{kind}-policy {who} {_option('policy-name', policy['PolicyName'])}"


def _document(text: str) -> str:
    return _option("policy-document", one_line(text))


def _option(name: str, value: str) -> str:
    """An option for a shell; what begins with a dash, as names may, is no option itself."""
    return f"--{name}{'=' if value.startswith('-') else ' '}{shlex.quote(value)}"


def terraform(answer: Answer) -> str:
    """Resource blocks for Terraform's AWS provider; what they take the place of is to be removed by hand.

    https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/iam_policy
    https://developer.hashicorp.com/terraform/language/syntax/configuration#identifiers
    """
    remarks = list(_remarks(answer))
    if _nothing_to_do(answer):
        return "\n".join(remarks)
    if not answer["Document"]:
        return "\n".join([*remarks, "# nothing is left of these policies"])
    return "\n".join([*remarks, *_blocks(answer["Arn"], plan(answer))])


def _blocks(subject: str, made: Plan) -> Iterator[str]:
    kind, name = kind_and_name(subject)
    path = subject.rpartition(":")[2].partition("/")[2].rpartition("/")[0]
    if made.own and kind == "policy":
        names = {"name": name} | ({"path": f"/{path}/"} if path else {})
        yield _policy_block("aws_iam_policy", _label(name), names, made.own)
    elif made.own:
        names = {"name": "suggested", kind: name}
        yield _policy_block(f"aws_iam_{kind}_policy", f"{_label(name)}_suggested", names, made.own)
    for own, text in made.more:
        yield _policy_block("aws_iam_policy", _label(own.removesuffix(OWN)), {"name": own}, text)
    for kind, who in map(kind_and_name, made.holders):
        for own, _ in made.more:
            pairs = {kind: json.dumps(who), "policy_arn": f"aws_iam_policy.{_label(own)}.arn"}
            yield _block(f"aws_iam_{kind}_policy_attachment", f"{_label(who)}_{_label(own)}", pairs)


def _policy_block(kind: str, label: str, names: Mapping[str, str], document: str) -> str:
    # In Terraform's templates ${ and %{ begin something of its own.
    text = "\n".join(pretty(document)).replace("${", "$${").replace("%{", "%%{")
    quoted = {key: json.dumps(value, ensure_ascii=False) for key, value in names.items()}
    return _block(kind, label, quoted | {"policy": f"<<JSON\n{text}\nJSON"})


def _block(kind: str, label: str, values: Mapping[str, str]) -> str:
    width = max(map(len, values))
    attributes = "".join(f"  {key:<{width}} = {value}\n" for key, value in values.items())
    return f'resource "{kind}" "{label}" {{\n{attributes}}}'


def _label(name: str) -> str:
    return re.sub(r"^(?![A-Za-z_])", "_", _NOT_NAMES.sub("_", name))


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
    return any(_without_evidence(answer)) or not plan(answer).possible or not (answer["Document"] or answer["Policies"])


def oversize(answer: Answer) -> Iterator[str]:
    """What to know of the size where it is more than AWS takes of one document."""
    if said := plan(answer).said:
        yield said


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
