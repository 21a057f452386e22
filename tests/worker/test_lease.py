"""A claim is renewed, hears of a cancel, and kills its child when it cannot be renewed."""

import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import pytest

from store import claims
from store.errors import DatabaseBusy
from store.session import Database
from worker.lease import Lease


class BootClock:
    """The seconds since boot, moved by the test."""

    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


@dataclass
class Told:
    """What the lease said."""

    cancels: list[bool] = field(default_factory=list)
    lost: list[bool] = field(default_factory=list)
    killed: threading.Event = field(default_factory=threading.Event)


class Refusal(AbstractContextManager):
    """What a transaction is while the database does not answer: at once, or after a long silence."""

    def __init__(self, silence: threading.Event | None) -> None:
        self.silence = silence

    def __enter__(self):
        if self.silence is not None:
            self.silence.wait(30)
        raise DatabaseBusy("expected an answer, found silence")

    def __exit__(self, *error):
        return None


class Silent(Database):
    """A database that answers to others only."""

    hangs: threading.Event | None = None

    def reading(self):
        return Refusal(self.hangs)

    transaction = reading


@pytest.fixture
def boot():
    return BootClock()


@pytest.fixture
def told():
    return Told()


def lease_on(database, claim, settings, told, clock):
    lease = Lease(
        database,
        claim,
        settings,
        on_cancel=told.cancels.append,
        on_lost=lambda: told.lost.append(told.killed.is_set()),
        clock=clock,
    )
    lease.bind(told.killed.set)
    return lease


@pytest.fixture
def quick(settings):
    """Looks every 20 ms; all other times are those of production, on the boot clock."""
    return settings.model_copy(update={"cancel_poll_seconds": 0.02})


def held(yard):
    with yard.bench.database.reading() as session:
        (found,) = claims.leases(session)
    return found


def test_a_lease_is_renewed_every_eight_seconds(yard, quick, told, boot, clock, until):
    yard.submit("succeed")
    claim = yard.claim()
    first = held(yard)
    with lease_on(yard.bench.database, claim, quick, told, boot):
        clock.advance(8)
        boot.seconds += 8
        until(lambda: held(yard).lease_seq == 1)
        assert (held(yard).expires_at - first.expires_at).total_seconds() == 8
    assert not told.killed.is_set()


def test_a_cancel_is_told_with_its_wish(yard, quick, told, boot, until):
    job_id = yard.submit("succeed")
    claim = yard.claim()
    with lease_on(yard.bench.database, claim, quick, told, boot):
        yard.cancel(job_id)
        until(lambda: told.cancels)
        yard.cancel(job_id, keep_best=True)
        until(lambda: told.cancels[-1])
    assert told.cancels[0] is False
    assert told.lost == []


def test_a_job_that_was_taken_away_kills_the_child(yard, quick, told, boot, until):
    yard.submit("succeed")
    claim = yard.claim()
    with lease_on(yard.bench.database, claim, quick, told, boot) as lease:
        with yard.bench.database.transaction() as session:
            claims.rescue(session, claims.leases(session)[0], now=yard.bench.database.now(session))
        until(told.killed.is_set)
        assert lease.lost
    assert told.lost == [False], "told once, before the kill"


@pytest.mark.parametrize("hangs", [False, True])
def test_a_lease_that_cannot_be_renewed_fences_itself(yard, quick, told, boot, clock, until, hangs):
    """Whether the database refuses or just never answers: the clock is watched by a thread of its own."""
    yard.submit("succeed")
    silent = Silent(yard.bench.settings.database_url, clock)
    silent.hangs = threading.Event() if hangs else None
    lease = lease_on(silent, yard.claim(), quick, told, boot)
    with lease:
        boot.seconds += quick.self_fence_seconds
        assert not told.killed.wait(0.5)
        boot.seconds += 0.1
        until(told.killed.is_set)
        if silent.hangs is not None:
            silent.hangs.set()
    assert lease.lost
    silent.dispose()


def test_the_self_fence_comes_before_anybody_else_may_claim(settings):
    assert settings.renew_seconds * 2 < settings.self_fence_seconds < settings.lease_seconds


def test_a_child_bound_after_the_loss_is_killed_at_once(yard, quick, told, boot, clock, until):
    yard.submit("succeed")
    silent = Silent(yard.bench.settings.database_url, clock)
    with lease_on(silent, yard.claim(), quick, told, boot) as lease:
        boot.seconds += 100
        until(lambda: lease.lost)
        late = threading.Event()
        lease.bind(late.set)
        assert late.is_set()
    silent.dispose()
