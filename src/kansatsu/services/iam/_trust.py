"""Trust policies: checked, kept with principals as unique ids, shown with principals as ARNs."""

from functools import partial

from sqlalchemy import Connection

from kansatsu.errors import LimitExceeded, MalformedPolicyDocument
from kansatsu.identity import entities, principals
from kansatsu.policy import PolicyType, parse

SIZE = 2048  # characters without white space; the default of the quota
shown = principals.shown


def stored(conn: Connection, text: str) -> str:
    """A trust policy as it is kept. Raises MalformedPolicyDocument, LimitExceeded."""
    document = parse(text, PolicyType.TRUST)
    if document.size > SIZE:
        raise LimitExceeded(f"Cannot exceed quota for ACLSizePerRole: {SIZE}")
    people = principals.People(partial(entities.by_id, conn), partial(entities.find, conn))
    try:
        return principals.stored(document, people)
    except principals.InvalidPrincipal as error:
        raise MalformedPolicyDocument(str(error)) from None
