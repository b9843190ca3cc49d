"""A bucket policy as the embedded backend keeps it: unseen by it.

Of itself that backend refuses reads and writes of objects that a Deny in the bucket's policy is about, whoever the
principal is and whatever the conditions are (GET of an object answers 403 with an empty body once any Deny of
s3:GetObject is stored). Policies are decided here and nowhere else, so it keeps the text as the Id of an empty policy.
"""

import json

_MARK = "kansatsu:"


def wrapped(text: str) -> str:
    """A policy that says nothing and carries the text."""
    return json.dumps({"Version": "2012-10-17", "Id": _MARK + text, "Statement": []})


def unwrapped(text: str) -> str:
    """The text that is carried, or the text itself when it is no carrier."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    carried = found.get("Id") if isinstance(found, dict) and found.get("Statement") == [] else None
    return carried.removeprefix(_MARK) if isinstance(carried, str) and carried.startswith(_MARK) else text
