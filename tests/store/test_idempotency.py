"""A request under a key happens once."""

import threading
from dataclasses import replace

import pytest

from store import idempotency
from store.errors import IdempotencyKeyReused, RequestInProgress
from store.idempotency import Answer, Request, Reservation
from tests.store.conftest import Toy

BODY = '{"id":"job_1"}'
ANSWER = Answer(202, {"Location": "/v1/jobs/job_1"}, BODY, "body-1")


@pytest.fixture
def request_(toy):
    return Request(toy.project_id, "POST", "/v1/jobs", "key-1")


def reserve(toy, request, fingerprint: str | None = "body-1"):
    with toy.writing() as session:
        return idempotency.reserve(session, request, now=toy.clock.time, fingerprint=fingerprint)


def complete(toy, reservation, fingerprint="body-1"):
    with toy.writing() as session:
        idempotency.complete(
            session,
            reservation,
            now=toy.clock.time,
            fingerprint=fingerprint,
            status=202,
            headers={"Location": "/v1/jobs/job_1"},
            body=BODY,
        )


def test_the_second_request_gets_the_first_ones_answer(toy, request_):
    complete(toy, reserve(toy, request_))
    assert reserve(toy, request_) == ANSWER


def test_another_body_under_the_same_key_is_refused(toy, request_):
    complete(toy, reserve(toy, request_))
    with pytest.raises(IdempotencyKeyReused):
        reserve(toy, request_, "body-2")


def test_a_request_that_still_runs_is_in_progress(toy, request_):
    reserve(toy, request_)
    with pytest.raises(RequestInProgress):
        reserve(toy, request_)
    with pytest.raises(IdempotencyKeyReused):
        reserve(toy, request_, "body-2")


@pytest.mark.parametrize("change", [{"method": "PUT"}, {"route": "/v1/datasets"}, {"key": "key-2"}])
def test_a_key_is_valid_for_one_route(toy, request_, change):
    complete(toy, reserve(toy, request_))
    assert isinstance(reserve(toy, replace(request_, **change), "body-2"), Reservation)


def test_a_key_is_valid_for_one_project(toy, request_, database, clock):
    complete(toy, reserve(toy, request_))
    foreign = replace(request_, project_id=Toy(database, clock).project_id)
    assert isinstance(reserve(toy, foreign, "body-2"), Reservation)


def test_the_effect_and_the_answer_are_one_transaction(toy, request_):
    with pytest.raises(ZeroDivisionError), toy.writing() as session:
        reservation = idempotency.reserve(session, request_, now=toy.clock.time, fingerprint="body-1")
        assert isinstance(reservation, Reservation)
        idempotency.complete(
            session, reservation, now=toy.clock.time, fingerprint="body-1", status=202, headers={}, body=BODY
        )
        1 / 0  # noqa: B018 the job could not be stored
    assert isinstance(reserve(toy, request_), Reservation)


def test_a_request_that_did_nothing_frees_its_key(toy, request_):
    reservation = reserve(toy, request_)
    with toy.writing() as session:
        idempotency.cancel(session, reservation)
    assert isinstance(reserve(toy, request_, "body-2"), Reservation)


def test_an_answer_is_kept_for_a_day(toy, request_):
    complete(toy, reserve(toy, request_))
    toy.clock.advance(24 * 3600 - 1)
    assert reserve(toy, request_) == ANSWER
    toy.clock.advance(1)
    assert isinstance(reserve(toy, request_, "body-2"), Reservation)


def test_the_reservation_of_a_server_that_died_ends_after_two_minutes(toy, request_):
    dead = reserve(toy, request_)
    toy.clock.advance(120)
    alive = reserve(toy, request_)
    assert isinstance(alive, Reservation)
    with pytest.raises(RequestInProgress):
        complete(toy, dead)
    with toy.writing() as session:
        idempotency.cancel(session, dead)
    complete(toy, alive)
    assert reserve(toy, request_) == ANSWER


def renew(toy, reservation):
    with toy.writing() as session:
        return idempotency.renew(session, reservation, now=toy.clock.time)


def test_a_reservation_that_is_renewed_lasts(toy, request_):
    reservation = reserve(toy, request_)
    for _ in range(3):
        toy.clock.advance(110)
        assert renew(toy, reservation)
        with pytest.raises(RequestInProgress):
            reserve(toy, request_)
    complete(toy, reservation)
    assert not renew(toy, reservation)
    toy.clock.advance(3600)
    assert reserve(toy, request_) == ANSWER


def test_a_reservation_that_somebody_else_has_is_not_renewed(toy, request_):
    dead = reserve(toy, request_)
    toy.clock.advance(120)
    reserve(toy, request_)
    assert not renew(toy, dead)


def test_all_keys_without_an_answer_can_be_freed_at_once(toy, request_):
    reserve(toy, request_)
    answered = replace(request_, key="key-2")
    complete(toy, reserve(toy, answered))
    with toy.writing() as session:
        idempotency.free_all(session)
    assert isinstance(reserve(toy, request_, "body-2"), Reservation)
    assert reserve(toy, answered) == ANSWER


def test_an_answer_cannot_be_cancelled(toy, request_):
    reservation = reserve(toy, request_)
    complete(toy, reservation)
    with toy.writing() as session:
        idempotency.cancel(session, reservation)
    assert reserve(toy, request_) == ANSWER


def test_an_upload_is_compared_once_it_has_been_read(toy, request_):
    complete(toy, reserve(toy, request_, None), "hash-of-the-upload")
    answer = reserve(toy, request_, None)
    answer.check("hash-of-the-upload")
    with pytest.raises(IdempotencyKeyReused):
        answer.check("another-hash")


def test_of_many_at_once_one_does_the_work(toy, request_):
    results: list[object] = []
    start = threading.Barrier(6)

    def submit():
        start.wait(10)
        try:
            with toy.writing() as session:
                found = idempotency.reserve(session, request_, now=toy.clock.time, fingerprint="body-1")
                if isinstance(found, Reservation):
                    idempotency.complete(
                        session,
                        found,
                        now=toy.clock.time,
                        fingerprint="body-1",
                        status=202,
                        headers={"Location": "/v1/jobs/job_1"},
                        body=BODY,
                    )
            results.append(found)
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=submit) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len([found for found in results if isinstance(found, Reservation)]) == 1
    assert [found for found in results if not isinstance(found, Reservation)] == [ANSWER] * 5
