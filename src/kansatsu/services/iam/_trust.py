"""Trust policies: checked, kept with principals as unique ids, shown with principals as ARNs."""

import re
from functools import partial

from sqlalchemy import Connection

from kansatsu.catalog.principals import SHARED_PROVIDERS
from kansatsu.errors import MalformedPolicyDocument
from kansatsu.identity import entities, principals
from kansatsu.identity.quotas import AWS, Quotas
from kansatsu.policy import PolicyType, Statement, parse

shown = principals.shown
# INVARIANT: an operator that is true where the token lacks the claim, or whatever it says, evaluates nothing.
_EVALUATES = re.compile(r"(foranyvalue:)?string(equals|equalsignorecase|like)")


def stored(conn: Connection, text: str, quotas: Quotas = AWS) -> str:
    """A trust policy as it is kept. Raises MalformedPolicyDocument, LimitExceeded."""
    document = parse(text, PolicyType.TRUST)
    quotas.check("ACLSizePerRole", document.size)
    for statement in document.statements:
        _check_shared(statement)
    people = principals.People(partial(entities.by_id, conn), partial(entities.find, conn))
    try:
        return principals.stored(document, people)
    except principals.InvalidPrincipal as error:
        raise MalformedPolicyDocument(str(error)) from None


def _check_shared(statement: Statement) -> None:
    """A provider that many organizations share is trusted only under a condition on whom it vouches for.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html
    """
    if statement.effect != "Allow":
        return
    evaluated = {
        condition.key.lower()
        for condition in statement.conditions
        if _EVALUATES.fullmatch(condition.operator.lower())
        and not any(set(value) <= {"*"} for value in condition.values)
    }
    for kind, value in statement.principals:
        needed = SHARED_PROVIDERS.get(value.partition(":oidc-provider/")[2] or value, "") if kind == "Federated" else ""
        if needed and needed not in evaluated:
            raise MalformedPolicyDocument(
                f"The trust policy must evaluate the condition key {needed}, since {value} is a provider that many "
                "organizations share."
            )
