"""Service-linked roles: for which services there are any, how they are called, and which policies AWS hangs on them.

data/service_linked_roles.txt has a line for each: service principal (without .amazonaws.com), name of the role, with a
"*" where a custom suffix may follow, AWS's managed policy, and the page of AWS's guides where it was looked up that
this role trusts this principal, or a managed policy that names it; where no page does both, one that names the role.
AWS publishes no such list: the policies are those of the path /aws-service-role/ in
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html (its pages say what for). A test holds
each line to the managed policies that name it. Policies of which no page of AWS tells the role are not here, nor is a
second role of one principal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PATH = "/aws-service-role/"
_DATA = Path(__file__).parent / "data" / "service_linked_roles.txt"
_DOMAIN = ".amazonaws.com"
_POLICIES = "arn:aws:iam::aws:policy/aws-service-role/"


@dataclass(frozen=True, slots=True)
class LinkedRole:
    """The template of a service-linked role. `suffixed`: a custom suffix may follow the name."""

    principal: str  # ecs.amazonaws.com
    name: str
    suffixed: bool
    policy_arn: str
    page: str  # where it was looked up

    @property
    def path(self) -> str:
        return f"{PATH}{self.principal}/"

    def named(self, suffix: str | None) -> str:
        return f"{self.name}_{suffix}" if suffix else self.name


@cache
def linked_roles() -> Mapping[str, LinkedRole]:
    """All that are known, by service principal."""
    lines = (line.split() for line in _DATA.read_text(encoding="ascii").splitlines())
    return {
        service + _DOMAIN: LinkedRole(service + _DOMAIN, role.rstrip("*"), role.endswith("*"), _POLICIES + policy, page)
        for service, role, policy, page in lines
    }
