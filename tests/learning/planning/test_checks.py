"""What a plan is refused for as a whole."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from learning.encoding.encoding import fit
from learning.planning.checks import largest_inputs
from tests.learning.canonical import written

N = 1_010
CELLS: dict[str, list[Any]] = {
    "number": [float(i) for i in range(N - 1)],
    "boolean": [i % 2 == 0 for i in range(N - 1)],
    "date": [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=i) for i in range(N - 1)],
    "category": [f"v{i}" for i in range(N - 1)],
}


@pytest.mark.parametrize("kind", CELLS)
def test_no_column_is_encoded_to_more_than_its_size_was_estimated(tmp_path, kind):
    table = written(tmp_path, {"x": (kind, [*CELLS[kind], None])}).read(["x"])

    encoding = fit(table, {"x": kind}, train=np.ones(N, dtype=bool))

    largest = largest_inputs([kind])
    assert (largest.numeric, largest.cardinalities) == (encoding.numeric, encoding.cardinalities)
