"""Policies as the embedded backend keeps them: unseen by it.

Of itself that backend refuses reads and writes of objects that a Deny in the bucket's policy is about, whoever the
principal is and whatever the conditions are (GET of an object answers 403 with an empty body once any Deny of
s3:GetObject is stored). Policies are decided here and nowhere else, so it keeps the text as the Id of an empty policy.

Of an event bus it takes a policy only when each statement has a Sid, and loses the old one when one has none: it keeps
one statement that is never met and carries the text.
"""

import json

_MARK = "kansatsu:"
_KEY = "kansatsu:policy"
# INVARIANT: no policy that somebody sets is taken for this statement: there is no such action, so it is refused.
_STATEMENT = {
    "Sid": "kansatsu",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "events:KansatsuCarrier",
    "Resource": "*",
}


def wrapped(text: str) -> str:
    """A policy that says nothing and carries the text."""
    return json.dumps({"Version": "2012-10-17", "Id": _MARK + text, "Statement": []})


def wrapped_in_statement(text: str) -> str:
    """A policy with one statement, which is never met and carries the text."""
    statement = {**_STATEMENT, "Condition": {"StringEquals": {_KEY: text}}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def unwrapped(text: str) -> str:
    """The text that is carried, or the text itself when it is no carrier."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    if not isinstance(found, dict):
        return text
    match found.get("Statement"):
        case []:
            carried = found.get("Id")
            return carried.removeprefix(_MARK) if isinstance(carried, str) and carried.startswith(_MARK) else text
        case [{"Condition": {"StringEquals": {"kansatsu:policy": str(inside)}}, **rest}] if rest == _STATEMENT:
            return inside
    return text
