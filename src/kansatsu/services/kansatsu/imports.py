"""An account from the output of `aws iam get-account-authorization-details`: all of it, or nothing.

INVARIANT: whoever imports could have made all of it: every IAM operation that would do it is authorized on everything,
and with all that conditions may ask of what is in the document, so that no Deny, boundary or SCP is passed by.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from sqlalchemy import Table

from kansatsu import arn
from kansatsu.catalog import Authorization
from kansatsu.errors import InvalidInput
from kansatsu.identity import (
    accounts,
    aws_managed,
    entities,
    ids,
    inline,
    managed,
    principals,
    profiles,
    restoring,
    schema,
    tally,
)
from kansatsu.identity import tags as held_tags
from kansatsu.identity.administrators import administrator_id
from kansatsu.identity.managed import find as find_policy
from kansatsu.policy import PolicyType, parse, with_principals
from kansatsu.services.callers import policies_of
from kansatsu.services.kansatsu.authorization_details import (
    SECTIONS,
    Details,
    Item,
    check,
    check_linked,
    check_name,
    check_policy,
    read,
    unique_id,
    version_number,
    when,
)
from kansatsu.services.kansatsu.imported_keys import asked_keys, distinct
from kansatsu.services.registry import Call, Params, operation

Rows = dict[str, list[dict[str, Any]]]
_ACTION = "kansatsu:ImportAccount"
MOST_ASKED = 5000  # checks with condition keys of what is in the document
_SHOWN = 50  # problems told at once
_NEEDED = (
    *(f"{verb}{kind}" for kind in ("User", "Role", "Policy", "InstanceProfile") for verb in ("Create", "Tag")),
    *(f"{verb}{kind}Policy" for kind in ("User", "Group", "Role") for verb in ("Put", "Attach")),
    *("CreateGroup", "AddUserToGroup", "AddRoleToInstanceProfile", "CreatePolicyVersion", "CreateServiceLinkedRole"),
    *("PutUserPermissionsBoundary", "PutRolePermissionsBoundary", "UpdateAssumeRolePolicy", "UpdateUser", "PassRole"),
)


def _needed(call: Call, params: Params) -> Iterator[Authorization]:
    """INVARIANT: one request has an end, whatever its document has policies asked about. Raises InvalidInput."""
    yield Authorization(_ACTION, "*", {}, exact=False)
    given = asked_keys(read(params["Document"], call.account))
    policies, left = policies_of(call.caller, call.snapshot), MOST_ASKED
    for action in (f"iam:{each}" for each in _NEEDED):
        yield Authorization(action, "*", {}, exact=False)
        # Of a session that learns others may be asked, too: whoever started its process.
        wanted = None if call.caller.learning else policies.keys(action)
        asked = distinct(given, wanted)
        left -= len(asked)
        if left < 0:
            raise InvalidInput(
                f"What your policies ask about tags, boundaries and policies has more than {MOST_ASKED} answers in "
                "this document; import it in parts, or by somebody whose policies ask less."
            )
        for context in asked:
            yield Authorization(action, "*", context, exact=False)


@operation("kansatsu", "ImportAccount", resource=_needed, write=True, slow=True, before=_ACTION)
def import_account(call: Call, document: str, into_empty: bool = True) -> dict[str, Any]:
    """Into the caller's account, which must have nothing but its administrator unless `into_empty` is false."""
    details = read(document, call.account)
    if into_empty and details.source != call.account:
        raise InvalidInput(
            f"These are details of account {details.source}, and this is {call.account}; name it with --account to add "
            "to what it has."
        )
    made = _Import(call, details)
    if into_empty:
        made.check_empty()
    rows = made.rows()
    if not details.problems:
        restoring.write(call.conn, call.account, rows)
        made.trust()
        made.check_room()
    if found := details.problems:
        more = f"\n... and {len(found) - _SHOWN} more." if len(found) > _SHOWN else ""
        raise InvalidInput("Nothing was imported:\n" + "\n".join(found[:_SHOWN]) + more)
    counts = {member: len(details.sections[member]) for member in SECTIONS.values()}
    return (
        {"AccountId": call.account, "Policies": len(rows["policy"])}
        | {member.removesuffix("DetailList") + "s": number for member, number in counts.items()}
        | {"RenewedIds": len(made.renewed)}
        | ({"Administrator": made.administrator} if made.administrator else {})
    )


class _Import:
    """Rows of the store out of the details; every problem is noted, and none ends the search for others."""

    def __init__(self, call: Call, details: Details) -> None:
        self._call, self._conn, self._details = call, call.conn, details
        self._quotas = call.store.quotas.raised()
        self._rows: Rows = {table: [] for table in _TABLES}
        self._taken: dict[str, set[str]] = {}
        self._groups: dict[str, str] = {}
        self._keys: set[tuple[str, ...]] = set()
        self._trusts: list[tuple[str, str, str]] = []  # role's id, its name, its trust policy
        self.administrator: str | None = None  # its new name
        self.renewed: dict[str, str] = {}  # unique ids of the document -> new ones in their place

    def check_empty(self) -> None:
        counted = {kind: tally.held(self._conn, self._call.account, kind) for kind in (*SECTIONS, managed.KIND)}
        admin = entities.by_id(self._conn, administrator_id(self._conn, self._call.account))
        counted["user"] -= admin is not None
        if any(counted.values()):
            raise InvalidInput(
                f"Account {self._call.account} is not empty; name it with --account to add to what it has."
            )
        if admin is not None:
            self._make_way(admin)

    def _make_way(self, admin: entities.Entity) -> None:
        """The administrator takes another name where a user of the document has its own."""
        named = {str(item.get("UserName")).lower() for item in self._details.sections["UserDetailList"]}
        if admin.name.lower() in named:
            name = f"kansatsu-{admin.name}"
            while name.lower() in named:
                name += "-"
            self.administrator = entities.rename(self._conn, admin, name, None).name

    def rows(self) -> Rows:
        self._renew()
        for item in self._details.sections["Policies"]:
            if not aws_managed.is_aws(str(item.get("Arn", ""))):
                with self._details.about(f"policy {item.get('PolicyName', '?')}"):
                    self._policy(item)
        for kind in ("group", "user", "role"):
            word = kind.capitalize()
            for item in self._details.sections[SECTIONS[kind]]:
                with self._details.about(f"{kind} {item.get(f'{word}Name', '?')}"):
                    self._entity(kind, word, item)
        for table in (schema.entity, schema.policy, schema.instance_profile):
            for taken in sorted(restoring.holders(self._conn, table, (row["id"] for row in self._rows[table.name]))):
                self._details.problems.append(f"{taken}: something in this installation has that unique id already.")
        trusted = restoring.trusted_elsewhere(self._conn, self._call.account)
        for taken in sorted(trusted & {row["id"] for row in self._rows["entity"]}):
            self._details.problems.append(f"{taken}: a role of another account trusts who had that unique id.")
        return self._rows

    def _renew(self) -> None:
        """New ones for unique ids that the document cannot give: of who was deleted, or is in another account."""
        named = [*self._named()]
        used = restoring.gone(self._conn, named)
        if self._details.source != self._call.account:
            for table in (schema.entity, schema.policy, schema.instance_profile):
                used |= restoring.holders(self._conn, table, named)
        self.renewed = {each: ids.new_id(each[:4]) for each in sorted(used)}

    def _named(self) -> Iterator[str]:
        """All unique ids in the document; what is of no documented form is told where it is read."""
        for item in (item for items in self._details.sections.values() for item in items if isinstance(item, Mapping)):
            profiles = item.get("InstanceProfileList")
            for each in (item, *(profiles if isinstance(profiles, list) else ())):
                found = [each.get(name) for name in _IDS] if isinstance(each, Mapping) else []
                yield from (given for given in found if isinstance(given, str))

    def _id(self, kind: str, given: str) -> str:
        found = unique_id(kind, given)
        return self.renewed.get(found, found)

    def _policy(self, item: Item) -> None:
        name, versions = item["PolicyName"], item["PolicyVersionList"]
        described = {"Description": item["Description"]} if "Description" in item else {}
        check("CreatePolicy", PolicyName=name, Path=item["Path"], PolicyDocument="{}", **described)
        self._free(schema.policy, "policy", name)
        number = {each["VersionId"]: version_number(each["VersionId"]) for each in versions}
        if len(versions) > managed.VERSIONS:
            raise InvalidInput(f"A managed policy can have up to {managed.VERSIONS} versions.")
        found = self._id("policy", item["PolicyId"])
        self._add(
            "policy",
            {
                **self._head(found, name, item),
                "arn": arn.entity(self._call.account, "policy", item["Path"], name),
                "description": item.get("Description"),
                "updated": self._when(item["UpdateDate"]),
                "default_version": number[item["DefaultVersionId"]],
                "next_version": max(number.values()) + 1,
            },
        )
        for each in versions:
            text = self._details.policy(each["Document"], PolicyType.IDENTITY)
            managed.check_size(text)
            made = self._when(each["CreateDate"])
            row = {"policy_id": found, "version": number[each["VersionId"]], "document": text, "created": made}
            self._add("policy_version", row)

    def _entity(self, kind: str, word: str, item: Item) -> None:
        check_name(kind, item)
        name, path, tags = item[f"{word}Name"], item["Path"], item.get("Tags", [])
        trust = {"AssumeRolePolicyDocument": "{}"} if kind == "role" else {}
        check(f"Create{word}", **{f"{word}Name": name}, Path=path, **trust, **({"Tags": tags} if tags else {}))
        self._free(schema.entity, kind, name)
        found = self._id(kind, item[f"{word}Id"])
        boundary = item.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        self._add(
            "entity",
            {
                **self._head(found, name, item),
                "kind": kind,
                "boundary_arn": self._known(item, boundary) if boundary else None,
                "trust_document": "{}" if kind == "role" else None,
            },
        )
        self._tag(found, tags)
        self._quotas.check(f"PoliciesPer{word}", len(item.get("AttachedManagedPolicies", [])))
        texts = []
        for each in item.get(f"{word}PolicyList", []):
            check(f"Put{word}Policy", **{f"{word}Name": name}, PolicyName=each["PolicyName"], PolicyDocument="{}")
            text = self._details.policy(each["PolicyDocument"], PolicyType.IDENTITY)
            row = {"entity_id": found, "name": each["PolicyName"], "document": text}
            self._add("inline_policy", row)
            texts.append(text)
        inline.check_total(kind, name, texts)
        for each in item.get("AttachedManagedPolicies", []):
            row = {
                "entity_id": found,
                "policy_arn": self._known(item, each["PolicyArn"]),
                "attached": self._when(item["CreateDate"]),
            }
            self._add("attachment", row)
        self._links(kind, found, item)

    def _links(self, kind: str, found: str, item: Item) -> None:
        """A group's name, a user's groups, a role's profiles and trust policy."""
        if kind == "group":
            self._groups[item["GroupName"]] = found
        self._quotas.check("GroupsPerUser", len(item.get("GroupList", [])))
        for group in item.get("GroupList", []):
            if group not in self._groups:
                raise InvalidInput(f"it is in the group {group}, which is not in the document.")
            self._add("membership", {"group_id": self._groups[group], "user_id": found})
        if kind != "role":
            return
        trust = self._details.policy(item["AssumeRolePolicyDocument"], PolicyType.TRUST)
        check_linked(item, trust)
        self._quotas.check("ACLSizePerRole", inline.size(trust))
        self._trusts.append((found, item["RoleName"], trust))
        for profile in item.get("InstanceProfileList", []):
            own = {name: profile[name] for name in ("InstanceProfileName", "Path")}
            check("CreateInstanceProfile", **own, **({"Tags": profile["Tags"]} if profile.get("Tags") else {}))
            self._free(schema.instance_profile, "instance-profile", profile["InstanceProfileName"])
            made = self._id("instance-profile", profile["InstanceProfileId"])
            head = self._head(made, profile["InstanceProfileName"], profile)
            self._add("instance_profile", head | {"role_id": found})
            self._tag(made, profile.get("Tags", []))

    def trust(self) -> None:
        """Trust policies, once everybody whom they may name is there."""
        conn = self._conn
        people = principals.People(partial(entities.by_id, conn), partial(entities.find, conn))
        here = {account.id for account in accounts.listing(conn)}
        for role, name, text in self._trusts:
            with self._details.about(f"role {name}"):
                document = parse(text, PolicyType.TRUST)
                named = {pair for each in document.statements for pair in each.principals if pair[0] != "*"}
                kept = {value: _kept(kind, value, people, here) for kind, value in named}
                restoring.set_trust(conn, role, with_principals(text, kept))

    def check_room(self) -> None:
        """INVARIANT: an import makes no more of anything than the quotas of the account leave room for.

        An account of AWS may have been granted more than a new one; its administrator here is not counted.
        """
        made_here = entities.by_id(self._conn, administrator_id(self._conn, self._call.account)) is not None
        for quota, kind in _ROOM.items():
            with self._details.about(f"account {self._call.account}"):
                held = tally.held(self._conn, self._call.account, kind)
                self._quotas.check(quota, held - (kind == "user" and made_here))

    def _free(self, table: Table, kind: str, name: str) -> None:
        if kind not in self._taken:
            of_kind = (kind,) if table is schema.entity else ()
            self._taken[kind] = restoring.names(self._conn, table, self._call.account, *of_kind)
        if name.lower() in self._taken[kind]:
            raise InvalidInput("there is one of that name already.")
        self._taken[kind].add(name.lower())

    def _head(self, found: str, name: str, item: Item) -> dict[str, Any]:
        made = {"id": found, "account": self._call.account, "name": name, "name_key": name.lower()}
        return made | {"path": item["Path"], "created": self._when(item["CreateDate"])}

    def _when(self, given: object) -> float:
        return when(given, self._call.now)

    def _tag(self, found: str, tags: list[Mapping[str, str]]) -> None:
        pairs = [(each["Key"], each["Value"]) for each in tags]
        held_tags.check(pairs)
        rows = [{"resource_id": found, "key_lower": k.lower(), "key": k, "value": v} for k, v in pairs]
        for row in rows:
            self._add("tag", row)

    def _add(self, table: str, row: dict[str, Any]) -> None:
        for column, value in row.items():
            kept = schema.metadata.tables[table].c[column]
            if not (kept.nullable if value is None else isinstance(value, kept.type.python_type)):
                raise InvalidInput(f"its {column} is not of the documented form.")
        key = (table, *(str(row[column]) for column in _TABLES[table]))
        if key in self._keys:
            raise InvalidInput(f"{key[-1]} is there twice.")
        self._keys.add(key)
        self._rows[table].append(row)

    def _known(self, owner: Item, policy_arn: str) -> str:
        """A managed policy that is in the document, in the account, or AWS's, and that its owner may have."""
        own = self._details.own(policy_arn)
        check_policy(owner, own)
        parsed = arn.Arn.parse(own)
        if any(row["arn"] == own for row in self._rows["policy"]):
            return own
        if parsed is None or parsed.account not in ("aws", self._call.account) or find_policy(self._conn, own) is None:
            raise InvalidInput(f"there is no policy {policy_arn}.")
        return own


def _kept(kind: str, value: str, people: principals.People, here: set[str]) -> str:
    """A principal as it is kept; whom nobody here can look up stays as the document has it."""
    try:
        return principals.kept(kind, value, people)
    except principals.InvalidPrincipal as error:
        parsed = arn.Arn.parse(value)
        gone = parsed is None and value.startswith(("AIDA", "AROA"))  # deleted, so that it means nobody any more
        elsewhere = parsed is not None and parsed.service == "iam" and parsed.account not in here
        if kind == "AWS" and (gone or elsewhere):
            return value
        raise InvalidInput(str(error)) from None


_ROOM = {
    "UsersPerAccount": "user",
    "GroupsPerAccount": "group",
    "RolesPerAccount": "role",
    "PoliciesPerAccount": managed.KIND,
    "InstanceProfilesPerAccount": profiles.KIND,
}
_IDS = ("UserId", "GroupId", "RoleId", "PolicyId", "InstanceProfileId")
# What a row of each table is known by.
_TABLES = {
    "policy": ("id",),
    "policy_version": ("policy_id", "version"),
    "entity": ("id",),
    "inline_policy": ("entity_id", "name"),
    "attachment": ("entity_id", "policy_arn"),
    "membership": ("group_id", "user_id"),
    "instance_profile": ("id",),
    "tag": ("resource_id", "key_lower"),
}
