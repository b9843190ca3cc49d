"""Was something made with tags? Tagging it takes a permission that leaves no record of its own; parameters tell. Pure.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
"""

from kansatsu.advisor.logs.callers import Caller
from kansatsu.catalog import cloudtrail

# Members of that name, at any depth; and what brings tags that the call itself does not have: a launch template, a
# sealed parameter, a whole that was too large to be on record.
_SIGNS = ('"tag', "Tag", "-tagging", '"sourceIdentity', "aunchTemplate", '"omitted"', "HIDDEN_DUE")
_NOT_ON_RECORD = frozenset({"", "null", "{}"})
# What is made of something else may have its tags, of which no parameter speaks.
_OF_ANOTHER = ("Backup", "Clone", "Copy", "Import", "Replica", "Restore", "Snapshot")


def may_tell(event_source: str, event_name: str, caller: Caller) -> bool:
    """Do the parameters of this operation say whether tags were given? False where tagging is no question, too.

    A role's session may hand tags on to the next one, and its source identity, which nothing on record shows.
    """
    if not cloudtrail.tagging(event_source, event_name):
        return False
    return not any(word in event_name for word in _OF_ANOTHER) and not (
        event_source.startswith("sts.") and caller.kind != "user"
    )


def perhaps(parameters: bytes) -> bool:
    """INVARIANT: True unless the parameters are on record and nothing in them is like a tag."""
    text = parameters.decode("latin-1")
    return text in _NOT_ON_RECORD or any(sign in text for sign in _SIGNS)
