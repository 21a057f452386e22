"""Keys are shown once and known by their hash."""

import re

import pytest
from sqlalchemy import text

from store import keys


@pytest.fixture
def key(database, clock):
    with database.transaction() as session:
        return keys.create_admin(session, "acme", now=clock.time)


def principal(database, secret):
    with database.reading() as session:
        return keys.authenticate(session, secret)


def test_a_key_opens_its_project(database, key):
    found = principal(database, key.secret)
    assert (found.project_id, found.key_id, found.scopes) == (key.project_id, key.id, frozenset({"admin"}))


def test_a_secret_has_256_random_bits_and_a_prefix_that_scanners_know(database, clock, key):
    assert re.fullmatch(r"tg_[0-9A-HJKMNP-TV-Z]{52}", key.secret)
    with database.transaction() as session:
        assert keys.create_admin(session, "acme", now=clock.time).secret != key.secret


def test_a_second_key_of_a_project_is_of_the_same_project(database, clock, key):
    with database.transaction() as session:
        second = keys.create_admin(session, "acme", now=clock.time)
        other = keys.create_admin(session, "other", now=clock.time)
    assert second.project_id == key.project_id != other.project_id
    assert principal(database, key.secret).project_id == principal(database, second.secret).project_id


@pytest.mark.parametrize(
    "change",
    [
        lambda secret: "",
        lambda secret: secret.lower(),
        lambda secret: secret[:-1],
        lambda secret: secret + "0",
        lambda secret: secret + "\0",
        lambda secret: "\ud800",
        lambda secret: "' OR 1=1 --",
    ],
)
def test_nothing_else_opens_it(database, key, change):
    assert principal(database, change(key.secret)) is None


def test_the_secret_itself_is_nowhere_in_the_database(database, key):
    with database.reading() as session:
        rows = str(session.execute(text("SELECT * FROM keys")).all())
    assert key.id in rows
    assert key.secret not in rows
    assert key.secret.removeprefix("tg_") not in rows
