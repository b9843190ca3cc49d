"""`kansatsu analyze`: what a real account's users and roles used, from its CloudTrail logs, without a server."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kansatsu.cli.output import Exit, Failure, again, emit, example, hint, numbered, output_option, say
from kansatsu.cli.progress import Bar
from kansatsu.cli.times import moment

if TYPE_CHECKING:
    from kansatsu.advisor.logs.cache import Cache
    from kansatsu.advisor.logs.digests import Checked
    from kansatsu.advisor.logs.evidence import Evidence, Told
    from kansatsu.advisor.logs.reading import Result
    from kansatsu.advisor.logs.sources import Bucket

COLUMNS = ["principal", "type", "granted", "used", "unused", "unknown", "last-used"]
_PROCESSES = 2
_MOST_ROWS = 20
_MOST_NAMED = 20  # files with trouble


@click.command(epilog=example("kansatsu analyze s3://trail/AWSLogs --authorization-details account.json --out report"))
@click.argument("logs", nargs=-1, required=True)
@click.option(
    "--authorization-details",
    "details",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="Output of `aws iam get-account-authorization-details`.",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default="report",
    show_default=True,
    help="Where the report goes, and what makes the next run fast.",
)
@click.option(
    "--since", metavar="TIME", default="400d", show_default=True, help="How far back: 90d, 3w, 36h, or 2026-11-05."
)
@click.option(
    "--last-accessed",
    "told",
    metavar="FILE|DIR",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Saved output of `aws iam get-service-last-accessed-details`; may be repeated.",
)
@click.option("--validate", is_flag=True, help="Hold the logs against CloudTrail's digest files among them.")
@click.option(
    "--processes", type=click.IntRange(1, 64), default=_PROCESSES, show_default=True, help="How many processes read."
)
@click.option("--profile", metavar="NAME", help="Profile of your AWS files, for s3:// URLs.")
@click.option("--endpoint-url", metavar="URL", help="Where S3 is, for s3:// URLs.")
@click.option("--region", metavar="NAME", help="Region of the bucket, for s3:// URLs.")
@output_option
def analyze(
    logs: Sequence[str], details: Path, out: Path, since: str, told: Sequence[Path], validate: bool, processes: int,
    profile: str | None, endpoint_url: str | None, region: str | None, form: str,
) -> None:  # fmt: skip
    """Report who uses what of their permissions, from CloudTrail LOGS: directories, files and s3:// URLs.

    The report is written to --out; `kansatsu access ARN --from DIR` asks it further. What was read once is not read
    again.
    """
    from kansatsu.advisor.logs import evidence, report
    from kansatsu.advisor.logs.sources import Bucket
    from kansatsu.advisor.logs.told import files as reports_of

    now = datetime.now(UTC)
    begin = moment(since)
    text = _details(details)
    with _held(out) as cache:
        own = (out / report.JSON, details, *reports_of(told))
        result = _read(logs, Bucket(profile, endpoint_url, region), cache, begin, processes, own, validate=validate)
        reports, bad = _told(told, text)
        for name, why in bad:
            say(f"{name} is left out: {why}.")
        found = evidence.of(result, text, reports, now, begin)
        outcome = report.outcome(found)
        report.write(outcome, out)
        evidence.save(found, out)
    _say(result, found, outcome.gaps)
    rows = [row.shown() for row in outcome.people]
    emit(rows[:_MOST_ROWS] if form == "table" else rows, COLUMNS, form)
    if form == "table" and len(rows) > _MOST_ROWS:
        say(f"... and {len(rows) - _MOST_ROWS} more users and roles; `-o csv` prints all.")
    say(f"The report is {out / 'index.html'}.")
    if outcome.people:
        hint(again(f"access {shlex.quote(outcome.people[0].arn)} --from {shlex.quote(str(out))}"), form)


def _details(path: Path) -> bytes:
    from kansatsu.advisor import account

    try:
        text = path.read_bytes()
        account.read(text)
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}.", Exit.USAGE) from None
    except account.NoAccount as error:
        raise Failure(
            f"{path} is no output of `aws iam get-account-authorization-details`: {error}.", Exit.USAGE
        ) from None
    return text


@contextmanager
def _held(out: Path) -> Iterator["Cache"]:
    """The output directory and what earlier runs read.

    INVARIANT: for one run alone, until its whole report is written: files of two would be taken for one report.
    """
    import sqlite3

    from kansatsu.advisor.logs.cache import Cache, CacheBusy

    try:
        out.mkdir(parents=True, exist_ok=True)
        with closing(Cache(out)) as cache:
            yield cache
    except CacheBusy:
        raise Failure(f"Another `kansatsu analyze` writes to {out}; choose another --out, or wait.") from None
    except OSError as error:
        raise Failure(f"The report cannot be written to {out}: {error.strerror or error}.") from None
    except sqlite3.Error as error:
        raise Failure(f"The report cannot be written to {out}: {error}.") from None


def _read(
    logs: Sequence[str], bucket: "Bucket", cache: "Cache", begin: datetime, processes: int, own: Sequence[Path],
    *, validate: bool,
) -> "Result":  # fmt: skip
    """`own`: files of ours that may lie among the logs, and are none."""
    from kansatsu.advisor.logs import digests, reading, sources

    try:
        listed = sources.listing(logs, bucket, begin)
        names, ours = {path.name for path in own}, {path.resolve() for path in own}
        near = [file.name for file in listed.files if file.name.rpartition("/")[2] in names]
        if mine := {name for name in near if Path(name).resolve() in ours}:
            listed.files[:] = [file for file in listed.files if file.name not in mine]
        with Bar() as bar:
            result = reading.read(listed.files, bucket, cache, processes, bar.show)
        cache.commit()
        if validate:
            checked = digests.check(listed.digests, listed.files, bucket, begin)
            result.troubles += checked.troubles
            _say_checked(checked)
    except KeyboardInterrupt:
        raise Failure("Interrupted. What was read until then is kept: the same command goes on from there.") from None
    except sources.NotLetIn as error:
        again_ = "What was read until then is kept: renew the credentials and give the same command again."
        raise Failure(f"{error}. {again_}") from None
    except sources.NoSource as error:
        raise Failure(str(error), Exit.USAGE if isinstance(error, sources.NoFile) else Exit.FAILED) from None
    if not listed.files:
        beside = f" {_beside(listed.beside)}" if listed.beside else ""
        raise Failure(f"There is no log file (*.json.gz, *.json, *.jsonl) of that time in {', '.join(logs)}.{beside}")
    result.older, result.beside = listed.older, listed.beside
    return result


def _say_checked(checked: "Checked") -> None:
    if not checked.digests:
        say("There is no digest file among the logs: give the directory or prefix that has CloudTrail-Digest, too.")
        return
    unlisted = f"; {numbered(checked.unlisted, 'log file')} in no digest" if checked.unlisted else ""
    say(
        f"{numbered(checked.digests, 'digest file')}: {numbered(checked.whole, 'log file')} as delivered{unlisted}. "
        "Their signatures are not checked; `aws cloudtrail validate-logs` does."
    )


def _beside(kinds: Mapping[str, int]) -> str:
    *most, last = (numbered(count, f"{kind} file") for kind, count in kinds.items())
    told = f"{', '.join(most)} and " if most else ""
    return f"{told}{last} beside the logs: no events are in them, and none was read."


def _told(paths: Sequence[Path], details: bytes) -> tuple[list["Told"], list[tuple[str, str]]]:
    if not paths:
        return [], []
    from kansatsu.advisor import account
    from kansatsu.advisor.logs import told

    return told.read(paths, account.read(details))


def _say(result: "Result", found: "Evidence", gaps: Sequence[str]) -> None:
    again_ = f", {result.known} known from before" if result.known else ""
    twice = f", {found.duplicates} of them twice" if found.duplicates else ""
    say(f"{numbered(found.files, 'file')}{again_}: {numbered(found.events, 'call')}{twice}.")
    if found.beside:
        say(_beside(found.beside))
    for name, trouble, duplicates in found.troubles[:_MOST_NAMED]:
        say(f"{name}: {trouble}." if trouble else f"{name}: of its events {duplicates} are in another file too.")
    if len(found.troubles) > _MOST_NAMED:
        say(f"... and {numbered(len(found.troubles) - _MOST_NAMED, 'more file')} of such; report.json names all.")
    for gap in gaps:
        say(gap)
