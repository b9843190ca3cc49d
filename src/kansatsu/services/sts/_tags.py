"""Session tags: what is passed, what a chain of roles hands on, and what may not be changed on the way.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kansatsu.errors import ValidationError
from kansatsu.identity import Session

LIMIT = 50


@dataclass(frozen=True, slots=True)
class SessionTags:
    """The tags of a new session: all of them, the keys that are handed on, and those that the request itself named."""

    tags: Mapping[str, str]
    transitive: tuple[str, ...]
    requested: Mapping[str, str]
    requested_transitive: tuple[str, ...]

    @classmethod
    def of(
        cls, tags: list[dict[str, str]] | None, transitive: list[str] | None, session: Session | None
    ) -> "SessionTags":
        """From the request and the calling session. Raises ValidationError."""
        requested = {item["Key"]: item["Value"] for item in tags or ()}
        keys = {key.lower() for key in requested}
        if len(keys) != len(tags or ()):
            raise ValidationError("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
        if any(key.startswith("aws:") for key in keys):
            raise ValidationError("aws: prefixed tag key names are not allowed for external use.")
        if not {key.lower() for key in transitive or ()} <= keys:
            raise ValidationError("The specified transitive tag key must be included in the requested tags.")
        inherited = cls.inherited(session)
        # INVARIANT: what an earlier session marked as transitive cannot be overridden further down the chain.
        if keys & {key.lower() for key in inherited}:
            raise ValidationError(
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
                "from the calling session."
            )
        if len(requested) + len(inherited) > LIMIT:
            raise ValidationError(f"A session can have up to {LIMIT} tags.")
        return cls({**inherited, **requested}, (*inherited, *(transitive or ())), requested, tuple(transitive or ()))

    @classmethod
    def unchecked(cls, tags: list[dict[str, str]] | None, transitive: list[str] | None) -> "SessionTags":
        """What the request itself names, for the record of it."""
        return cls({}, (), {item["Key"]: item["Value"] for item in tags or ()}, tuple(transitive or ()))

    @staticmethod
    def inherited(session: Session | None) -> dict[str, str]:
        """The transitive tags that the calling session hands on."""
        if session is None:
            return {}
        keys = {key.lower() for key in session.transitive_tag_keys}
        return {key: value for key, value in session.tags.items() if key.lower() in keys}

    def context(self) -> dict[str, str | tuple[str, ...]]:
        """The condition keys of the request."""
        context: dict[str, str | tuple[str, ...]] = {
            f"aws:requesttag/{key.lower()}": value for key, value in self.requested.items()
        }
        if self.requested:
            context["aws:tagkeys"] = tuple(self.requested)
        if self.requested_transitive:
            context["sts:transitivetagkeys"] = self.requested_transitive
        return context
