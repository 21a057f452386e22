"""What a job made becomes canonical, however large it is."""

import math
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from store.ingest import canonical_table, describe, describe_file, rewrite
from store.ingest.errors import IngestError

MADE = pa.table(
    {
        "row": pa.array([0, 1, 2, 3]),
        "value": pa.array([0.5, None, math.nan, -1.0]),
        "label": pa.array(["a", None, "b", "a"]).dictionary_encode(),
        "sure": pa.array([True, False, None, True]),
    }
)


@pytest.mark.parametrize("group", [1, 3, 100])
def test_a_file_is_rewritten_as_its_whole_table_would_be(tmp_path, group):
    pq.write_table(MADE, tmp_path / "made.parquet", row_group_size=group)

    size = rewrite(tmp_path / "made.parquet", tmp_path / "canonical.parquet")

    found = pq.read_table(tmp_path / "canonical.parquet")
    assert found.equals(canonical_table(MADE))
    assert found["value"].null_count == 2
    assert [field.metadata[b"type"] for field in found.schema] == [b"number", b"number", b"category", b"boolean"]
    assert describe_file(tmp_path / "canonical.parquet", None, decoded_bytes=size) == describe(MADE)


def test_a_file_without_rows_stays_one(tmp_path):
    pq.write_table(MADE.slice(0, 0), tmp_path / "made.parquet")
    rewrite(tmp_path / "made.parquet", tmp_path / "canonical.parquet")
    assert pq.read_table(tmp_path / "canonical.parquet").equals(canonical_table(MADE.slice(0, 0)))


def test_a_column_that_no_dataset_has_is_refused(tmp_path):
    pq.write_table(pa.table({"x": pa.array([[1], [2]])}), tmp_path / "made.parquet")
    with pytest.raises(IngestError, match="x|list"):
        rewrite(tmp_path / "made.parquet", tmp_path / "canonical.parquet")


ROWS, COLUMNS = 1_500_000, 16
MEASURE = """
import resource, sys
from pathlib import Path
from store.ingest import describe_file, rewrite

*files, target = map(Path, sys.argv[1:])
for file in files:
    describe_file(target, None, decoded_bytes=rewrite(file, target))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def test_memory_holds_a_column_and_not_the_table(tmp_path):
    """192 MB of cells pass through a process that grows by less than half of them."""
    schema = pa.schema([pa.field(f"x{index}", pa.float64()) for index in range(COLUMNS)])
    cells = pa.array(np.arange(50_000) % 97 / 97)
    group = pa.Table.from_arrays([cells] * COLUMNS, schema=schema)
    small, large = tmp_path / "small.parquet", tmp_path / "large.parquet"
    for path, groups in ((small, 11), (large, ROWS // 50_000)):
        with pq.ParquetWriter(path, schema) as writer:
            for _ in range(groups):
                writer.write_table(group)
    command = [sys.executable, "-c", MEASURE, *map(str, (small, large, tmp_path / "canonical.parquet"))]
    before, after = map(int, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    assert after - before < ROWS * COLUMNS * 8 / 2
