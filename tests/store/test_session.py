"""One transaction, one truth, on both databases."""

from datetime import UTC, datetime, timedelta

from store.session import Database


def test_the_database_tells_the_time_in_utc(database_url):
    database = Database(database_url)
    with database.reading() as session:
        now = database.now(session)
    database.dispose()
    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)
