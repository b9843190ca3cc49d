"""What a call needs, as pairs of an action and an ARN, and policies that allow all but one of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

OTHER_ACCOUNT, OTHER_REGION = "210987654321", "eu-west-3"


def statement(effect: str, action: Any, resource: Any = "*") -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource}


@dataclass(frozen=True)
class Pair:
    """An action and the ARN on which it is needed."""

    action: str
    arn: str

    @property
    def allowed(self) -> dict[str, Any]:
        return statement("Allow", self.action, self.arn)

    def is_named_by(self, action: str, resource: str) -> bool:
        """Whether a denial speaks of this pair."""
        return action == self.action and fnmatchcase(resource, self.arn.replace("[", "[[]"))

    def others(self) -> list[str]:
        """ARNs of the same kind which are not this one: another name, another account, another Region."""
        if self.arn == "*":
            return ["arn:*"]
        *head, region, account, resource = self.arn.split(":", 5)
        named = re.sub(r"([^/:*][^/:]*)((?:[/:]\*?)*)$", r"x\1\2", resource)
        changed = [[region, account, named]]
        changed += [[region, OTHER_ACCOUNT, resource]] if account else []
        changed += [[OTHER_REGION, account, resource]] if region else []
        return [":".join([*head, *parts]) for parts in changed]


def refusing(pair: Pair, pairs: list[Pair]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Policies that allow all but this pair: every other action, and this one on every other resource.

    What allows the one that is to be made (image/*) allows the one that it is copied from, too, and is left out.
    """
    allowed = [other.allowed for other in pairs if not other.is_named_by(pair.action, pair.arn)]
    allowed.append({"Effect": "Allow", "NotAction": pair.action, "Resource": "*"})
    allowed.append(statement("Allow", pair.action, pair.others()))
    if pair.arn != "*":
        allowed.append({"Effect": "Allow", "Action": pair.action, "NotResource": pair.arn})
    yield "not allowed", allowed
    yield "denied", [statement("Allow", "*"), statement("Deny", pair.action, pair.arn)]
