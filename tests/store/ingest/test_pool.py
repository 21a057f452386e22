"""The processes that decode: warm, confined, and no loss when one dies."""

import errno
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from store.ingest import IngestError, IngestOptions, IngestPool, ingest, preview
from store.ingest.pool import _clean_environment
from tests.store.ingest import parquet_bytes as made
from tests.store.ingest.conftest import COLUMNS, CSV, LIMITS, PARQUET

GOOD = b"a,b\n1,x\n2,y\n"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(GOOD)
    return path


def zygote(pool: IngestPool) -> subprocess.Popen[bytes]:
    assert pool._zygote is not None
    return pool._zygote


def run(pool: IngestPool, source: Path, media_type: str = CSV):
    return pool.run(source, media_type=media_type, options=IngestOptions(), target=source.with_name("target"))


def test_a_decoder_never_loads_torch_nor_the_database():
    program = "import sys, store.ingest.zygote; print([m for m in ('torch', 'sqlalchemy', 'fastapi', 'redis') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], env=_clean_environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_decoder_inherits_no_secret(pool, source, monkeypatch):
    monkeypatch.setenv("TASKGRAFT_DATABASE_URL", "postgresql://somebody:secret@localhost/taskgraft")
    with IngestPool(LIMITS) as fresh:
        fresh.warm()
        environment = Path(f"/proc/{zygote(fresh).pid}/environ").read_bytes()
    assert b"secret" not in environment
    assert b"PYTHONPATH=" in environment


def test_a_file_that_takes_too_long_is_refused_and_its_decoder_ended(source):
    source.write_bytes(b"a,b\n" + b"1,2\n" * 900_000)
    with IngestPool(replace(LIMITS, wall_seconds=0.02)) as hasty, pytest.raises(IngestError) as refusal:
        run(hasty, source)
    assert (refusal.value.status, refusal.value.problems[0]["code"]) == (422, "file-corrupt")
    assert not source.with_name("target").exists()


def test_a_file_that_needs_too_much_memory_is_refused(source):
    source.write_bytes(b'{"columns":{"a":[' + b"1.5," * 1_000_000 + b"1]}}")
    with IngestPool(replace(LIMITS, memory_bytes=32 * 1024**2)) as narrow, pytest.raises(IngestError) as refusal:
        run(narrow, source, COLUMNS)
    assert refusal.value.problems[0]["code"] == "decompressed-too-large"


def test_a_file_that_would_grow_too_large_on_disk_is_refused(source):
    source.write_bytes(b"a\n" + b"".join(b"%d\n" % (i * 7919 % 1_000_003) for i in range(100_000)))
    with IngestPool(replace(LIMITS, output_bytes=10_000)) as narrow, pytest.raises(IngestError) as refusal:
        run(narrow, source)
    assert refusal.value.problems[0]["code"] == "decompressed-too-large"
    assert not source.with_name("target").exists()


def test_a_full_disk_is_no_fault_of_the_file(pool, source):
    source.with_name("target").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as full:
        run(pool, source)
    assert full.value.errno == errno.ENOSPC
    assert not source.with_name("target").exists()


def test_uploads_beside_one_that_kills_its_decoder_are_not_disturbed(pool, tmp_path):
    def one(number: int):
        path = tmp_path / str(number) / "source"
        path.parent.mkdir()
        path.write_bytes(GOOD if number % 2 else made.deadly_footer())
        try:
            return run(pool, path, CSV if number % 2 else PARQUET)["rows"]
        except IngestError as refusal:
            return refusal.problems[0]["code"]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(one, range(24))) == ["file-corrupt", 2] * 12


def test_a_lost_zygote_is_replaced_within_the_same_upload(source):
    with IngestPool(LIMITS) as pool:
        assert run(pool, source)["rows"] == 2
        lost = zygote(pool)
        os.kill(lost.pid, signal.SIGKILL)
        lost.wait()
        assert run(pool, source)["rows"] == 2
        assert zygote(pool) is not lost


def test_the_zygote_ends_with_its_pool(source):
    pool = IngestPool(LIMITS)
    pool.warm()
    process = zygote(pool)
    pool.close()
    assert process.returncode == 0


def test_a_wide_table_fits_the_memory_of_one_upload(pool, source):
    source.write_bytes(b",".join(b"c%d" % i for i in range(2000)) + b"\n" + (b"red," * 1999 + b"1\n") * 200)
    described = run(pool, source)
    assert [column["type"] for column in described["columns"][-2:]] == ["category", "number"]


def test_the_shared_pool_decodes_for_whoever_asks(source):
    target = source.with_name("target")
    assert ingest(source, media_type=CSV, target=target)["rows"] == 2
    assert preview(target, 1) == [{"a": 1.0, "b": "x"}]
    assert preview(target, 0) == []
