"""Policies of DynamoDB's tables: what an index, a stream and a table of the same name have to do with them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/access-control-resource-based.html
"""

import json
from typing import Any

import pytest

from . import raw
from .conftest import Gateway
from .raw import statement
from .test_resource_policies import TABLES, refused, says, table, user


@pytest.fixture
def name(gateway: Gateway) -> str:
    return TABLES.make(gateway.client("dynamodb"), gateway.name("table"))


def arn(name: str) -> str:
    return TABLES.arn(None, name)


def test_a_table_of_the_name_begins_without_a_policy(gateway: Gateway, name: str) -> None:
    """The embedded backend keeps the policy of a deleted table: it neither lets in, nor keeps out, nor is shown."""
    admin, allowed = gateway.client("dynamodb"), gateway.user()
    denied = gateway.user(statement("Allow", "dynamodb:*"))
    text = raw.document(
        says("Allow", user(allowed), "dynamodb:GetItem", arn(name)), says("Deny", user(denied), "*", arn(name))
    )
    TABLES.put(admin, name, text)
    TABLES.use(gateway.client("dynamodb", allowed), name)
    refused(lambda: TABLES.use(gateway.client("dynamodb", denied), name))
    for _ in range(2):
        admin.delete_table(TableName=name)
        table(admin, name)
        refused(lambda: TABLES.use(gateway.client("dynamodb", allowed), name))
        TABLES.use(gateway.client("dynamodb", denied), name)
    assert TABLES.get(admin, name) is None
    admin.put_resource_policy(ResourceArn=arn(name), Policy=text, ExpectedRevisionId="NO_POLICY")
    TABLES.use(gateway.client("dynamodb", allowed), name)


def test_it_is_shown_as_it_was_set_and_a_revision_counts(gateway: Gateway, name: str) -> None:
    admin, keys = gateway.client("dynamodb"), gateway.user()
    for document in (
        {"Version": "2012-10-17", "Statement": [says("Allow", user(keys), "dynamodb:GetItem", arn(name))]},
        {"Version": "2012-10-17", "Id": "my own", "Statement": [says("Allow", "*", "dynamodb:GetItem", arn(name))]},
    ):
        revision = admin.put_resource_policy(ResourceArn=arn(name), Policy=json.dumps(document))["RevisionId"]
        got = admin.get_resource_policy(ResourceArn=arn(name))
        assert (json.loads(got["Policy"]), got["RevisionId"]) == (document, revision)
    call = {"ResourceArn": arn(name), "ExpectedRevisionId": "another"}
    refused(lambda: admin.delete_resource_policy(**call), "PolicyNotFoundException")
    refused(lambda: admin.put_resource_policy(**call, Policy=json.dumps(document)), "PolicyNotFoundException")
    # A change of the table is no new table.
    admin.update_table(TableName=name, BillingMode="PAY_PER_REQUEST")
    TABLES.use(gateway.client("dynamodb", keys), name)


def test_a_deny_holds_in_every_way_to_read(gateway: Gateway, name: str) -> None:
    keys, key = gateway.user(statement("Allow", "dynamodb:*")), {"id": {"S": "a"}}
    own = gateway.client("dynamodb", keys)
    TABLES.put(gateway.client("dynamodb"), name, raw.document(says("Deny", user(keys), "dynamodb:*", arn(name))))
    for call in (
        lambda: own.get_item(TableName=arn(name), Key=key),
        lambda: own.batch_get_item(RequestItems={name: {"Keys": [key]}}),
        lambda: own.transact_get_items(TransactItems=[{"Get": {"TableName": name, "Key": key}}]),
        lambda: own.execute_statement(Statement=f'SELECT * FROM "{name}"'),
        lambda: own.delete_resource_policy(ResourceArn=arn(name)),
        lambda: own.delete_table(TableName=name),
    ):
        refused(call)


def test_an_index_is_under_its_tables_policy_and_has_none_itself(gateway: Gateway) -> None:
    """The attack: the last part of an index's ARN is the name of another table."""
    admin, keys = gateway.client("dynamodb"), gateway.user()
    victim = TABLES.make(admin, gateway.name("victim"))
    name = table(admin, gateway.name("indexed"), index=victim)
    index = f"{arn(name)}/index/{victim}"
    TABLES.put(admin, name, raw.document(says("Allow", user(keys), "dynamodb:Scan", index)))
    own = gateway.client("dynamodb", keys)
    own.scan(TableName=name, IndexName=victim)
    refused(lambda: own.scan(TableName=name))
    refused(lambda: own.scan(TableName=victim))
    text = raw.document(says("Allow", user(keys), "dynamodb:*", arn(victim)))
    for call in (
        lambda: admin.put_resource_policy(ResourceArn=index, Policy=text),
        lambda: admin.get_resource_policy(ResourceArn=index),
        lambda: admin.delete_resource_policy(ResourceArn=index),
    ):
        refused(call, "ValidationException")
    assert TABLES.get(admin, victim) is None


def test_what_is_not_there_is_refused(gateway: Gateway, name: str) -> None:
    admin = gateway.client("dynamodb")
    text = raw.document(says("Deny", "*", "dynamodb:GetItem", "*"))
    stream = f"{arn(name)}/stream/2026-01-01T00:00:00.000"
    refused(lambda: admin.put_resource_policy(ResourceArn=stream, Policy=text), "NotImplemented")
    refused(lambda: table(admin, gateway.name("with"), ResourcePolicy=text), "NotImplemented")
    missing = arn(gateway.name("missing"))
    refused(lambda: admin.put_resource_policy(ResourceArn=missing, Policy=text), "ResourceNotFoundException")


def test_nobody_locks_himself_out_by_mistake(gateway: Gateway, name: str) -> None:
    admin = gateway.client("dynamodb")
    call: dict[str, Any] = {"ResourceArn": arn(name)}
    call["Policy"] = raw.document(says("Deny", "*", "dynamodb:PutResourcePolicy", "*"))
    refused(lambda: admin.put_resource_policy(**call), "ValidationException")
    admin.put_resource_policy(**call, ConfirmRemoveSelfResourceAccess=True)
    refused(lambda: admin.put_resource_policy(**call))
