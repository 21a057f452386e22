"""The doorbell rings when it can, and never makes anybody wait."""

import base64
import json
import socket
import time

import pytest
import redis
from kombu.entity import Queue

from store.queue import BUDGET_SECONDS, QUEUES, Doorbell, celery_config
from tests.conftest import free_port, redis_server


@pytest.fixture
def broker(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
        yield client


@pytest.fixture
def doorbell():
    opened = []

    def make(url):
        opened.append(Doorbell(url))
        return opened[-1]

    yield make
    for bell in opened:
        bell.close()


def messages(broker, queue):
    return [json.loads(raw) for raw in broker.lrange(f"taskgraft:{queue}", 0, -1)]


def test_a_ring_is_one_message_that_names_the_queue_and_nothing_else(doorbell, redis_url, broker):
    bell = doorbell(redis_url)
    bell.ring("train")
    assert bell.settle(10)
    [message] = messages(broker, "train")
    assert message["headers"]["task"] == "taskgraft.ring"
    args, kwargs, _ = json.loads(base64.b64decode(message["body"]))
    assert (args, kwargs) == ([], {"queue": "train"})
    assert (bell.rings, bell.failures) == (1, 0)


def test_each_queue_has_its_own_bell(doorbell, redis_url, broker):
    bell = doorbell(redis_url)
    for queue in QUEUES:
        bell.ring(queue)
    assert bell.settle(10)
    assert [len(messages(broker, queue)) for queue in QUEUES] == [1, 1]


def test_rings_that_wait_together_are_one(doorbell, redis_url, broker):
    bell = doorbell(redis_url)
    for _ in range(200):
        bell.ring("quick")
    assert bell.settle(10)
    assert 1 <= len(messages(broker, "quick")) < 200


def test_a_broker_that_is_gone_costs_nothing_but_a_count(doorbell):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    bell = doorbell(f"redis://127.0.0.1:{port}/0")
    before = time.monotonic()
    bell.ring("train")
    assert time.monotonic() - before < 0.5
    assert bell.settle(10)
    assert (bell.rings, bell.failures) == (0, 1)


def test_a_broker_that_never_answers_costs_a_second_of_the_bells_own_thread(doorbell):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        bell = doorbell(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        before = time.monotonic()
        bell.ring("train")
        assert time.monotonic() - before < 0.5
        assert bell.settle(10)
        assert time.monotonic() - before < 5 * BUDGET_SECONDS
    assert (bell.rings, bell.failures) == (0, 1)


def test_a_wrong_password_is_a_failure_too(doorbell, redis_url, broker):
    bell = doorbell(redis_url.replace(redis_url.split(":")[2].split("@")[0], "wrong"))
    bell.ring("train")
    assert bell.settle(10)
    assert (bell.rings, bell.failures) == (0, 1)


def test_the_bell_rings_again_when_the_broker_is_back(doorbell, tmp_path):
    port = free_port()
    with redis_server(tmp_path, port) as url:
        bell = doorbell(url)
        bell.ring("train")
        assert bell.settle(10)
    bell.ring("train")
    assert bell.settle(10)
    assert (bell.rings, bell.failures) == (1, 1)
    password = url.split(":")[2].split("@")[0]
    with redis_server(tmp_path, port, password), redis.Redis.from_url(url) as broker:
        bell.ring("train")
        assert bell.settle(10)
        assert (bell.rings, bell.failures) == (2, 1)
        assert len(messages(broker, "train")) == 1


def test_without_a_broker_there_is_no_bell(doorbell):
    bell = doorbell(None)
    bell.ring("train")
    assert bell.settle(0)
    assert (bell.rings, bell.failures) == (0, 0)


def test_a_closed_bell_is_silent(doorbell, redis_url, broker):
    bell = doorbell(redis_url)
    bell.ring("train")
    assert bell.settle(10)
    bell.close()
    bell.ring("train")
    assert len(messages(broker, "train")) == 1


def test_no_message_is_ever_more_than_a_hint(redis_url):
    config = celery_config(redis_url)
    assert config["task_acks_late"] is False
    assert config["result_backend"] is None
    assert config["accept_content"] == ["json"]
    assert config["worker_enable_remote_control"] is False
    assert config["broker_pool_acquire_timeout"] == BUDGET_SECONDS
    assert [queue.name for queue in config["task_queues"]] == list(QUEUES)
    assert all(isinstance(queue, Queue) for queue in config["task_queues"])
