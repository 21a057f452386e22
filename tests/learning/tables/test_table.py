"""A stored table read by column."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from learning.errors import LearningError
from learning.tables.table import Table
from tests.learning.canonical import written


def test_a_table_knows_its_rows_and_types_and_reads_columns_in_the_order_asked(tmp_path):
    table = written(tmp_path, {"x": ("number", [1.0, 2.0]), "x.1": ("category", ["a", None]), "d": ("date", [0, 1])})
    assert table.rows == 2
    assert dict(table.types) == {"x": "number", "x.1": "category", "d": "date"}
    assert table.read(["x.1", "x"]).to_pydict() == {"x.1": ["a", None], "x": [1.0, 2.0]}


def test_a_file_that_does_not_say_its_types_is_refused(tmp_path):
    pq.write_table(pa.table({"x": [1.0]}), tmp_path / "plain.parquet")
    with pytest.raises(LearningError, match="not-canonical"):
        _ = Table("ds_1", tmp_path / "plain.parquet").types
