"""Definitions of APIs (OpenAPI) that a request holds as text: what their members of a name say.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-import-api.html: JSON or YAML
"""

import json
import re
from typing import Any

# What stands for the value of a member that may be there and cannot be read.
HIDDEN = "?"
# By these YAML writes one name in many ways.
_OTHERWISE = re.compile(r"[\\!&]")


def members(body: Any, wanted: re.Pattern[str]) -> list[Any]:
    """The values of all members with such a name, at any depth and however it is written; HIDDEN of what is no JSON.

    INVARIANT: what another reader may find in a definition is found here too: a name in escapes, or one that is twice.
    """
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or "")
    found: list[Any] = []

    def collect(pairs: list[tuple[str, Any]]) -> bool:
        found.extend(value for name, value in pairs if wanted.fullmatch(name) and value is not None)
        return True

    try:
        json.loads(text, object_pairs_hook=collect)
    except (ValueError, RecursionError):
        return [HIDDEN] if wanted.search(text) or _OTHERWISE.search(text) else []
    return found
