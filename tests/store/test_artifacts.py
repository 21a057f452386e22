"""A name that exists has all its bytes."""

import hashlib
import os
import threading
import time

import pytest

from store.artifacts import ArtifactStore, Stored, file_sha256
from store.errors import ArtifactMissing

HOUR = 3600.0


def staged(artifacts, content=b"rows"):
    path = artifacts.stage()
    path.write_bytes(content)
    return path


def sha(content):
    return hashlib.sha256(content).hexdigest()


def age(path, seconds):
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_published_file_has_the_name_of_its_content(artifacts):
    path = staged(artifacts, b"rows")
    stored = artifacts.publish(path)
    assert stored == Stored(sha(b"rows"), 4)
    target = artifacts.path(stored.sha256)
    assert target.relative_to(artifacts.root).as_posix() == f"cas/{stored.sha256[:2]}/{stored.sha256}"
    assert target.read_bytes() == b"rows"
    assert not path.exists()


def test_a_published_file_is_read_only(artifacts):
    target = artifacts.path(artifacts.publish(staged(artifacts)).sha256)
    assert target.stat().st_mode & 0o777 == 0o444


def test_the_same_bytes_twice_are_one_blob(artifacts):
    first = artifacts.publish(staged(artifacts))
    second = artifacts.publish(staged(artifacts))
    assert first == second
    assert len(list((artifacts.root / "cas").glob("??/*"))) == 1
    assert list((artifacts.root / "staging").iterdir()) == []


def test_an_empty_file_is_a_blob_too(artifacts):
    assert artifacts.publish(staged(artifacts, b"")) == Stored(sha(b""), 0)


def test_staged_paths_are_fresh(artifacts):
    paths = {artifacts.stage() for _ in range(100)}
    assert len(paths) == 100
    assert not any(path.exists() for path in paths)


@pytest.mark.parametrize(
    "name", ["", "ab", "../../etc/passwd", "A" * 64, "0" * 63 + "/", "0" * 65, "\0" * 64, sha(b"never published")]
)
def test_only_the_hash_of_something_published_is_a_path(artifacts, name):
    with pytest.raises(ArtifactMissing):
        artifacts.path(name)


def test_a_file_that_was_never_finished_cannot_be_published(artifacts):
    with pytest.raises(FileNotFoundError):
        artifacts.publish(artifacts.stage())
    assert list((artifacts.root / "cas").glob("??/*")) == []


def test_every_attempt_works_in_a_folder_of_its_own_and_shares_the_checkpoints(artifacts):
    one, two = artifacts.work("job_1", 1), artifacts.work("job_1", 2)
    assert one.is_dir()
    assert one != two
    assert artifacts.checkpoints("job_1") == artifacts.checkpoints("job_1")
    (one / "model.safetensors").write_bytes(b"model")
    assert artifacts.publish(one / "model.safetensors").sha256 == sha(b"model")


def test_a_sweep_takes_only_what_is_old_and_unreferenced(artifacts):
    old, used, young = (artifacts.publish(staged(artifacts, content)) for content in (b"old", b"used", b"young"))
    for stored in (old, used):
        age(artifacts.path(stored.sha256), 2 * HOUR)
    assert artifacts.sweep(HOUR, {used.sha256}) == [old.sha256]
    assert artifacts.path(used.sha256)
    assert artifacts.path(young.sha256)
    with pytest.raises(ArtifactMissing):
        artifacts.path(old.sha256)


def test_a_sweep_takes_what_was_forgotten_in_staging(artifacts):
    old, young = staged(artifacts), staged(artifacts)
    folder = artifacts.stage()
    folder.mkdir()
    (folder / "part").write_bytes(b"x")
    age(old, 2 * HOUR)
    age(folder, 2 * HOUR)
    artifacts.sweep(HOUR, set())
    assert list((artifacts.root / "staging").iterdir()) == [young]


def test_publishing_again_makes_an_old_blob_young(artifacts):
    stored = artifacts.publish(staged(artifacts))
    age(artifacts.path(stored.sha256), 2 * HOUR)
    artifacts.publish(staged(artifacts))
    assert artifacts.sweep(HOUR, set()) == []


def test_an_old_file_that_is_published_is_a_young_blob(artifacts):
    path = staged(artifacts)
    age(path, 2 * HOUR)
    artifacts.publish(path)
    assert artifacts.sweep(HOUR, set()) == []


def test_two_stores_on_one_folder_see_the_same_blobs(artifacts):
    stored = artifacts.publish(staged(artifacts))
    assert ArtifactStore(artifacts.root).path(stored.sha256).read_bytes() == b"rows"


def test_publishing_and_sweeping_at_once_loses_nothing_that_was_just_published(artifacts):
    stop = threading.Event()
    failures = []

    def sweep():
        while not stop.is_set():
            ArtifactStore(artifacts.root).sweep(HOUR, set())

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    for turn in range(60):
        content = str(turn % 5).encode()
        stored = artifacts.publish(staged(artifacts, content))
        try:
            target = artifacts.path(stored.sha256)
            if target.read_bytes() != content:
                failures.append(turn)
            age(target, 2 * HOUR)
        except (ArtifactMissing, FileNotFoundError):
            failures.append(turn)
    stop.set()
    sweeper.join(30)
    assert failures == []


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path):
    path = tmp_path / "big"
    path.write_bytes(b"x" * 3_000_000)
    assert file_sha256(path) == sha(b"x" * 3_000_000)
