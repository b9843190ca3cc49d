"""How many users, roles, policies and so on each account holds, kept by the database itself beside the rows.

To count 100,000 roles takes as long as to read them; quotas are asked for with every one that is made. Triggers keep
the numbers in the transaction that inserts or deletes, whichever way it goes: an operation, an import, a reset.
"""

from sqlalchemy import Connection, select

from kansatsu.identity.schema import tally

# Table -> what its rows are counted as: the value of a column, or a text.
COUNTED = {"entity": "kind", "policy": "'policy'", "instance_profile": "'instance-profile'", "credential": "kind"}

# https://www.sqlite.org/lang_createtrigger.html
_SQLITE = """
CREATE TRIGGER IF NOT EXISTS {table}_added AFTER INSERT ON {table} BEGIN
  INSERT INTO tally (account, kind, held) VALUES (NEW.account, {new}, 1)
  ON CONFLICT (account, kind) DO UPDATE SET held = held + 1;
END;
CREATE TRIGGER IF NOT EXISTS {table}_removed AFTER DELETE ON {table} BEGIN
  UPDATE tally SET held = held - 1 WHERE account = OLD.account AND kind = {old};
END
"""
# Once a statement and not once a row: https://www.postgresql.org/docs/15/sql-createtrigger.html
_POSTGRESQL = """
CREATE OR REPLACE FUNCTION {table}_added() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO tally (account, kind, held) SELECT account, {kind}, count(*) FROM added GROUP BY 1, 2
  ON CONFLICT (account, kind) DO UPDATE SET held = tally.held + excluded.held;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION {table}_removed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE tally SET held = tally.held - gone.held
  FROM (SELECT account, {kind} AS kind, count(*) AS held FROM removed GROUP BY 1, 2) AS gone
  WHERE tally.account = gone.account AND tally.kind = gone.kind;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER {table}_added AFTER INSERT ON {table}
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION {table}_added();
CREATE OR REPLACE TRIGGER {table}_removed AFTER DELETE ON {table}
  REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION {table}_removed()
"""


def install(conn: Connection) -> None:
    """Make the triggers that are not there; a migration that copies a table on SQLite takes its triggers away."""
    for table, kind in COUNTED.items():
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql(_POSTGRESQL.format(table=table, kind=kind))
            continue
        row = {f"{which}": kind if kind.startswith("'") else f"{which.upper()}.{kind}" for which in ("new", "old")}
        for command in _SQLITE.format(table=table, **row).split(";\nCREATE"):
            conn.exec_driver_sql(command if command.lstrip().startswith("CREATE") else f"CREATE{command}")


def held(conn: Connection, account: str, kind: str) -> int:
    """How many there are: of user, group, role, policy, instance-profile, or a kind of credential."""
    asked = select(tally.c.held).where(tally.c.account == account, tally.c.kind == kind)
    return conn.execute(asked).scalar() or 0
