"""A dataset beside what a model reads."""

import pyarrow as pa

from learning.predictor import Predictor
from learning.scoring import readable
from learning.scoring.inputs import misfit
from tests.learning.canonical import written
from tests.learning.toys import listed_header, trained

NONE = [None, None]
FITTING = {
    "region": ("category", ["north", None]),
    "age": ("number", [30.0, None]),
    "member": ("boolean", [True, None]),
    "joined": ("date", NONE),
    "only_b": ("number", [1.0, 2.0]),
    "beside": ("text", ["a", "b"]),
}


def found(folder, columns, *, tasks=None):
    header = listed_header()
    return misfit(header, Predictor(trained(header)).reads(tasks), written(folder, columns))


def test_order_and_further_columns_do_not_matter(tmp_path):
    assert found(tmp_path, FITTING) is None


def test_every_column_that_does_not_fit_is_listed(tmp_path):
    odd = {**FITTING, "age": ("category", ["old", None]), "member": ("number", [1.0, 0.0])}
    del odd["region"], odd["only_b"]
    assert found(tmp_path, odd) == (
        "expected every input of the model by its name and type, found missing 'region', 'only_b'; of another type "
        "'age (number there, category here)', 'member (boolean there, number here)'"
    )


def test_only_what_the_asked_tasks_read_is_needed(tmp_path):
    without = {name: column for name, column in FITTING.items() if name != "only_b"}
    assert found(tmp_path, without, tasks=["price", "kind"]) is None
    assert found(tmp_path, without, tasks=["sold"]) is not None


def test_text_and_category_are_both_strings(tmp_path):
    assert found(tmp_path, {**FITTING, "region": ("text", ["north", "a long story"])}) is None


def test_a_column_without_a_value_fits_and_is_read_as_missing(tmp_path):
    columns = {**FITTING, "region": ("number", NONE)}
    assert found(tmp_path, columns) is None
    rows = readable(written(tmp_path, columns).read(list(columns)), listed_header(), ["region", "age"])
    assert rows.schema.types == [pa.string(), pa.float64()]
    assert rows["region"].to_pylist() == NONE
