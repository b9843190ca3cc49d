"""Tags of roots, units, accounts and policies: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_tagging.html

Keys differ by case, as those of EC2 do.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert

from kansatsu.identity import tags as held
from kansatsu.identity.organizations import Organization, policies
from kansatsu.identity.organizations.errors import invalid, violation
from kansatsu.identity.schema import tag as table
from kansatsu.services.organizations import _render
from kansatsu.services.organizations._register import By, existing, named, organizations
from kansatsu.services.registry import Call

Shown = dict[str, Any]


@organizations("TagResource", named("ResourceId"), write=True)
def tag_resource(call: Call, org: Organization, resource_id: str, tags: list[dict[str, str]]) -> Shown:
    tag(call.conn, _tagged(call, org, resource_id), tags)
    return {}


@organizations("UntagResource", named("ResourceId"), write=True)
def untag_resource(call: Call, org: Organization, resource_id: str, tag_keys: list[str]) -> Shown:
    _remove(call.conn, _tagged(call, org, resource_id), tag_keys)
    return {}


@organizations("ListTagsForResource", named("ResourceId"), by=By.DELEGATED)
def list_tags_for_resource(call: Call, org: Organization, resource_id: str, next_token: str | None = None) -> Shown:
    found = held.of(call.conn, _tagged(call, org, resource_id))
    keyed = ((key, (key, value)) for key, value in found.items())
    return _render.page("Tags", keyed, next_token, held.LIMIT, lambda pair: {"Key": pair[0], "Value": pair[1]})


def tag(conn: Connection, id: str, tags: Sequence[dict[str, str]] | None) -> None:
    """Add tags or replace those of the same key. Raises InvalidInputException, ConstraintViolationException."""
    pairs = [(item["Key"], item["Value"]) for item in tags or ()]
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise invalid("DUPLICATE_TAG_KEY", "Tag keys must be unique among the tags attached to the same entity.")
    if any(key.lower().startswith("aws:") for key in keys):
        raise invalid("INVALID_SYSTEM_TAGS_PARAMETER", "You can't add, edit or delete system tags.")
    _remove(conn, id, keys)
    if pairs:
        rows = [{"resource_id": id, "key_lower": key, "key": key, "value": value} for key, value in pairs]
        conn.execute(insert(table), rows)
    if len(held.of(conn, id)) > held.LIMIT:
        raise violation("MAX_TAG_LIMIT_EXCEEDED", f"You have exceeded the number of {held.LIMIT} tags.")


def _remove(conn: Connection, id: str, keys: Sequence[str]) -> None:
    conn.execute(delete(table).where(table.c.resource_id == id, table.c.key_lower.in_(keys)))


def _tagged(call: Call, org: Organization, id: str) -> str:
    if policies.find(call.conn, org, id) is not None:
        return id
    return existing(call, org, id)
