"""The server's log of who was not let in: one line each, nothing secret, never so many that strangers fill a disk."""

import logging
import re
from datetime import datetime

from kansatsu.signing import AuthFailure, Signature

log = logging.getLogger(__name__)

_MOST_A_MINUTE = 20
_FAKES = frozenset({"test", "testing", "fake", "mock", "dummy"})
_ADVICE = '; Kansatsu has real keys: run eval "$(kansatsu env)", or kansatsu configure, and start the client again'
_OLD = (
    "; it was signed with Signature Version 2, as boto3 and version 1 of the AWS CLI presign URLs of S3: run "
    "aws configure set default.s3.signature_version s3v4, or give boto3 Config(signature_version='s3v4')"
)
# INVARIANT: what does not look like an access key id is not written down: it may be a secret in the wrong place.
_KEY_ID = re.compile(r"[A-Z0-9]{16,128}")


class TurnedAway:
    """Tells of requests whose signature was not taken; who did not sign at all is nobody."""

    def __init__(self) -> None:
        self._minute = 0
        self._count = 0

    def tell(self, failure: AuthFailure, signature: Signature | None, client: str, service: str, now: datetime) -> None:
        """One more; `service` is AWS's name of it, "" where nobody knows."""
        if failure is AuthFailure.MISSING or not self._has_room(int(now.timestamp()) // 60):
            return
        given = signature.access_key_id if signature else ""
        key = given if given in _FAKES or _KEY_ID.fullmatch(given) else "that is none" if given else "unknown"
        asked = f" for {service}" if service else ""
        advice = _OLD if failure is AuthFailure.UNSUPPORTED_VERSION else _ADVICE if given in _FAKES else ""
        log.warning("not let in: %s, access key %s, from %s%s%s", failure.value, key, client, asked, advice)

    def _has_room(self, minute: int) -> bool:
        if minute != self._minute:
            if self._count > _MOST_A_MINUTE:
                log.warning("not let in: %d more, which are not listed", self._count - _MOST_A_MINUTE)
            self._minute, self._count = minute, 0
        self._count += 1
        return self._count <= _MOST_A_MINUTE
