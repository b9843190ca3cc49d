"""Log groups of queries are kept for as long as their results are there, each account's and region's for itself."""

from sqlalchemy import func, select

from kansatsu.identity import Store, log_queries, schema

DAY = 86400.0


def test_the_newest_counts_and_what_is_old_goes(store: Store) -> None:
    with store.write() as conn:
        log_queries.add(conn, "1", "r", "q", ["a", "b"], 0.0)
        log_queries.add(conn, "1", "r", "q", ["c"], DAY)
        log_queries.add(conn, "2", "r", "q", ["d"], 2 * DAY)
        log_queries.add(conn, "1", "s", "q", ["e"], 2 * DAY)
        found = [
            log_queries.of(conn, *at) for at in (("1", "r", "q"), ("2", "r", "q"), ("1", "s", "q"), ("1", "r", "p"))
        ]
        assert found == ["c", "d", "e", ""]
        log_queries.add(conn, "2", "r", "p", ["f"], 8 * DAY + 1)
        assert (log_queries.of(conn, "1", "r", "q"), log_queries.of(conn, "2", "r", "q")) == ("", "d")
        assert conn.execute(select(func.count()).select_from(schema.log_query)).scalar() == 3
