"""Which log groups a query of CloudWatch Logs reads: its results are for whom those allow, and no call tells it."""

from sqlalchemy import Connection, delete, insert, select

from kansatsu.identity.schema import log_query

# Seconds; https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html: results of a query are
# there for 7 days.
KEPT = 7 * 86400.0


def add(conn: Connection, account: str, region: str, query: str, resources: list[str], now: float) -> None:
    """Keep the ARNs on which the start of a query was authorized; what is too old goes."""
    at = {"account": account, "region": region, "id": query}
    conn.execute(delete(log_query).where(log_query.c.started < now - KEPT))
    conn.execute(delete(log_query).filter_by(**at))  # of a backend that begins its ids again: the newest counts
    conn.execute(insert(log_query), {**at, "started": now, "resources": "\n".join(resources)})


def of(conn: Connection, account: str, region: str, query: str) -> str:
    """Those ARNs, a line each; "" for a query that was not started here."""
    at = {"account": account, "region": region, "id": query}
    return conn.execute(select(log_query.c.resources).filter_by(**at)).scalar() or ""
