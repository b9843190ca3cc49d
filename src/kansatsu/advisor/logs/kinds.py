"""Which kinds of events a file has, and when: what is on record only for a time may be left out at others. Pure.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from operator import attrgetter

from kansatsu.advisor.logs.records import Record

READ, WRITE = "read", "write"
DATA = "data "  # and the event source
_MOST = timedelta(days=1)
_kind = attrgetter("eventSource", "readOnly", "managementEvent")


def spans(records: Sequence[Record], first: datetime, last: datetime) -> Iterator[tuple[str, float, float]]:
    """Kinds with their first and last times; of a file of a day or less these are the file's.

    A management event is of the kind of its event source, and one that reads or writes; a data event of one alone.
    """
    if last - first > _MOST:
        for record in records:
            yield from spans((record,), record.eventTime, record.eventTime)
        return
    begin, end = first.timestamp(), last.timestamp()
    for source, reads, management in set(map(_kind, records)):
        if management is False:
            yield DATA + source, begin, end
            continue
        yield source, begin, end
        if reads is not None:
            yield READ if reads else WRITE, begin, end
