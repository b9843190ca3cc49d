"""One rule for every `--since`: how long ago, or since when; what is neither is answered with the forms."""

from datetime import UTC, datetime, timedelta

import pytest

from kansatsu.cli.output import Exit, Failure
from kansatsu.cli.times import moment


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("0s", timedelta(0)),
        ("90m", timedelta(minutes=90)),
        ("36h", timedelta(hours=36)),
        ("1.5d", timedelta(days=1.5)),
        ("400d", timedelta(days=400)),
        ("3w", timedelta(days=21)),
    ],
)
def test_how_long_ago(text: str, ago: timedelta) -> None:
    before = datetime.now(UTC)
    assert before - ago <= moment(text) <= datetime.now(UTC) - ago


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-05", datetime(2026, 11, 5, tzinfo=UTC)),
        ("20261105", datetime(2026, 11, 5, tzinfo=UTC)),
        ("2026-11-05T12:30", datetime(2026, 11, 5, 12, 30, tzinfo=UTC)),
        ("2026-11-05 12:30Z", datetime(2026, 11, 5, 12, 30, tzinfo=UTC)),
        ("2026-11-05T00:30+02:00", datetime(2026, 11, 4, 22, 30, tzinfo=UTC)),
    ],
)
def test_since_when(text: str, time: datetime) -> None:
    assert moment(text) == time and moment(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text", ["", "90", "soon", "d", "-3d", "3 w", "2026-13-01", "99999999d", "٣d", "0001-01-01T00:00+12:00"]
)
def test_what_is_neither(text: str) -> None:
    with pytest.raises(Failure, match="neither a time like 90d, 12h or 3w, nor a date like 2026-11-05") as failed:
        moment(text)
    assert failed.value.exit_code == Exit.USAGE
