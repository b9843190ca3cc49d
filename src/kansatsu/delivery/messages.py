"""Requests and answers of the credential endpoints, and the shapes in which the metadata service writes them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

# Some clients look for "EC2" in Server to learn where they are.
_SERVER = {"Server": "EC2ws"}

_XHTML = """<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
\t"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>{title}</title>
 </head>
 <body>
  <h1>{title}</h1>
 </body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `target` is the request target as it was sent; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer. `hop_limit` is the IP time to live of its packets; None leaves the system's."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    hop_limit: int | None = None


def text(body: str | bytes, changed: datetime | None = None, content_type: str = "text/plain") -> Response:
    """A 200 of the metadata service; even its JSON is text/plain."""
    headers = {"Content-Type": content_type, "Accept-Ranges": "none", **_SERVER}
    if changed is not None:
        headers["Last-Modified"] = http_date(changed)
    return Response(200, body if isinstance(body, bytes) else body.encode(), headers)


def refusal(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """An error of the metadata service: a small XHTML page that names the status."""
    title = f"{status} - {HTTPStatus(status).phrase}"
    page = _XHTML.format(title=title).encode()
    return Response(status, page, {"Content-Type": "text/html", **_SERVER, **(headers or {})})


def document(members: Mapping[str, Any]) -> str:
    """JSON as the metadata service writes it: two spaces, and a space on both sides of the colon."""
    return json.dumps(members, indent=2, separators=(",", " : "))


def timestamp(moment: datetime) -> str:
    """2026-01-31T12:00:00Z"""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def http_date(moment: datetime) -> str:
    """Fri, 31 Jan 2026 12:00:00 GMT (RFC 9110, in English whatever the locale)."""
    moment = moment.astimezone(UTC)
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[moment.weekday()]
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[moment.month - 1]
    return f"{day}, {moment.day:02} {month} {moment.year} {moment:%H:%M:%S} GMT"
