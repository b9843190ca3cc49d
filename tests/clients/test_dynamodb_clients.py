"""Real DynamoDB clients do their work through the gateway in front of dynalite, and say what is denied."""

from pathlib import Path

import pytest

from .test_s3_clients import command, more
from .world import ACCOUNT, REGION, World, allow

CLIENTS = {
    "dynamo.mjs": (["PutItem", "GetItem"], "DeleteItem"),
    "dynamo.py": (["BatchWriteItem", "GetItem", "Query"], "Scan"),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_work_and_a_denial(world: World, tmp_path: Path, client: str) -> None:
    table, (actions, forbidden) = world.name("table"), CLIENTS[client]
    admin = world.server.client("dynamodb")
    admin.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    admin.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1})
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"
    keys = world.role(allow([f"dynamodb:{action}" for action in actions], arn))
    done = world.run(command(world, client, table), keys, tmp_path, **more(world))
    assert "DONE" in done.stdout, done.stderr
    assert done.returncode != 0
    assert "AccessDenied" in done.stderr and f"dynamodb:{forbidden}" in done.stderr
