"""`kansatsu policy validate` and `lint`: would AWS store these documents, and what in them is a mistake or a danger?"""

import json
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import click

from kansatsu.cli.files import read
from kansatsu.cli.output import Exit, Failure, emit, hint, say, tell, visible
from kansatsu.cli.sarif import sarif
from kansatsu.lint import Finding, Severity, guess, quota
from kansatsu.lint import lint as _lint
from kansatsu.lint import validate as _validate
from kansatsu.policy import PolicyType, parse

COLUMNS = ["file", "type", "line", "column", "severity", "rule", "message", "help"]
TYPES = {
    "identity": PolicyType.IDENTITY,
    "boundary": PolicyType.BOUNDARY,
    "session": PolicyType.SESSION,
    "trust": PolicyType.TRUST,
    "resource": PolicyType.RESOURCE,
    "scp": PolicyType.SCP,
    "rcp": PolicyType.RCP,
    "vpc-endpoint": PolicyType.VPC_ENDPOINT,
}
_LONGEST_LINE = 160  # characters of a document's line that are shown
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
Command = TypeVar("Command", bound=Callable[..., Any])


class Checked(NamedTuple):
    """A document and what was found in it; `file` is as it was given."""

    file: str
    text: str
    type: PolicyType
    findings: tuple[Finding, ...]


def _options(command: Command) -> Command:
    formats = click.Choice(["text", "json", "csv", "sarif"])
    for decorate in (
        click.option("--strict", is_flag=True, help="Warnings too are failures."),
        click.option("-o", "--output", "form", type=formats, default="text", show_default=True, help="Format."),
        click.option("--type", "kind", type=click.Choice(list(TYPES)), help="The type of policy; else it is guessed."),
        click.argument("files", nargs=-1, required=True, metavar="FILE..."),
    ):
        command = decorate(command)
    return command


@click.command()
@_options
def validate(files: tuple[str, ...], kind: str | None, form: str, strict: bool) -> None:
    """Say whether AWS would store the documents (- is stdin), and how large they are. Needs no server.

    Exit code 0: it would; 1: it would not.
    """
    checked, unread = _check(files, kind, _validate)
    _print(checked, unread, form)
    if form == "text":
        stored = [each for each in checked if not any(found.severity is Severity.ERROR for found in each.findings)]
        for each in stored:
            click.echo(f"{each.file}: {_size(each)}")
        if files := tuple(each.file for each in stored if each.file != "-"):
            # AWS stores names that are misspelt, and dangers.
            hint(shlex.join(["kansatsu", "policy", "lint", *(["--type", kind] if kind else []), *files]))
    _end(checked, unread, strict)


@click.command()
@_options
def lint(files: tuple[str, ...], kind: str | None, form: str, strict: bool) -> None:
    """Find mistakes and dangers in policy documents (- is stdin). Needs no server.

    Exit code 0: no errors; 1: errors, or with --strict warnings.
    """
    checked, unread = _check(files, kind, _lint)
    _print(checked, unread, form)
    if form == "text" and checked:
        _summary(checked)
    _end(checked, unread, strict)


def _check(
    files: Sequence[str], kind: str | None, check: Callable[[str, PolicyType], tuple[Finding, ...]]
) -> tuple[list[Checked], dict[str, str]]:
    """What was found, and of each file that cannot be read why."""
    checked, unread = [], {}
    for file in dict.fromkeys(files):
        try:
            text = read(file)
        except Failure as failure:
            unread[file] = failure.message
            continue
        chosen = TYPES[kind] if kind else guess(text)
        checked.append(Checked(file, text, chosen, check(text, chosen)))
    return checked, unread


def _print(checked: Sequence[Checked], unread: Mapping[str, str], form: str) -> None:
    for sentence in unread.values():
        say(f"kansatsu: {sentence}")
    if form == "sarif":
        click.echo(json.dumps(sarif([(each.file, each.findings) for each in checked], unread), indent=2))
    elif form == "text":
        for each in checked:
            for finding in each.findings:
                _show(each, finding)
    else:
        emit([_row(each, finding) for each in checked for finding in each.findings], COLUMNS, form)


def _row(each: Checked, finding: Finding) -> dict[str, Any]:
    return {
        "file": each.file,
        "type": next(name for name, known in TYPES.items() if known is each.type),
        "line": finding.line,
        "column": finding.column,
        "severity": str(finding.severity),
        "rule": finding.rule,
        "message": finding.message,
        "help": finding.url,
    }


def _show(each: Checked, finding: Finding) -> None:
    severity = click.style(finding.severity, fg=_COLOURS[finding.severity]) if _coloured() else finding.severity
    place = f"{visible(each.file)}:{finding.line}:{finding.column}"
    click.echo(f"{place}: {severity} {finding.rule}: {visible(finding.message)}")
    for line in _marked(each.text, finding):
        tell(line)
    click.echo(f"    {finding.url}")


def _coloured() -> bool:
    import os

    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _marked(text: str, finding: Finding) -> Iterator[str]:
    """The line of the document, and below it the marks; of a long line what stands around them."""
    lines = text.splitlines() or [""]
    line = lines[min(finding.line, len(lines)) - 1]
    start = finding.column - 1
    end = finding.end_column - 1 if finding.end_line == finding.line else len(line)
    first = max(0, start - _LONGEST_LINE // 2) if len(line) > _LONGEST_LINE else 0
    shown = line[first : first + _LONGEST_LINE].replace("\t", " ")
    marks = max(1, min(end, first + _LONGEST_LINE) - start)
    yield f"{finding.line:>5} | {shown}"
    yield f"      | {' ' * (start - first)}{'^' * marks}"


def _size(each: Checked) -> str:
    document = parse(each.text, each.type)
    limit = quota(document, each.type)
    if limit is None:
        return f"a valid {each.type}, {document.size} characters without white space"
    return f"a valid {each.type}, {limit.measure(document)} of {limit.size} {limit.unit}"


def _summary(checked: Sequence[Checked]) -> None:
    counts = dict.fromkeys(Severity, 0)
    for each in checked:
        for finding in each.findings:
            counts[finding.severity] += 1
    said = ", ".join(_count(number, severity) for severity, number in counts.items())
    say(f"{_count(len(checked), 'document')}: {said}.")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _end(checked: Sequence[Checked], unread: Mapping[str, str], strict: bool) -> None:
    failing = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    if unread:
        click.get_current_context().exit(int(Exit.USAGE))
    if any(finding.severity in failing for each in checked for finding in each.findings):
        click.get_current_context().exit(int(Exit.FAILED))
