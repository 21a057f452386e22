"""Answers: the same from rows, columns and tables; in the user's units; by the right head."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.errors import InputError, ModelUnhealthy
from learning.model import TrainedModel
from learning.multitask.sharing.hard import Hard
from learning.networks.mlp import Mlp
from learning.predictor.answers import Labels, Values
from learning.predictor.predictor import Predictor
from tests.learning.toys import TYPES, grouped_header, json_columns, listed_header, predict_rows, table, trained

ROWS = table(30)
GROUP_ROWS = [[8.0, 2.0], [2.0, 6.0]]


@pytest.fixture(scope="module")
def listed():
    return Predictor(trained(listed_header()))


@pytest.fixture(scope="module")
def grouped():
    return Predictor(trained(grouped_header(), rows=GROUP_ROWS))


def rows_of(rows: pa.Table):
    columns = json_columns(rows)
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def with_shop(rows: pa.Table, shops):
    return {**json_columns(rows), "shop": shops}


def assert_same(first, second):
    assert first.by_task.keys() == second.by_task.keys()
    for name, answers in first.by_task.items():
        np.testing.assert_allclose(answers.output, second.by_task[name].output, rtol=1e-5, atol=1e-6)


def test_rows_columns_and_tables_are_answered_alike(listed):
    found = listed.predict(json_columns(ROWS))
    assert_same(found, predict_rows(listed, rows_of(ROWS)))
    assert_same(found, listed.predict_table(ROWS))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 29))
def test_a_row_alone_is_answered_as_in_company(row):
    predictor = Predictor(trained(listed_header()))
    alone = predict_rows(predictor, rows_of(ROWS.slice(row, 1)))
    together = predict_rows(predictor, rows_of(ROWS))
    for name, answers in alone.by_task.items():
        np.testing.assert_allclose(answers.output[0], together.by_task[name].output[row], rtol=1e-5, atol=1e-6)


def test_the_answers_are_torchs_in_the_users_units(listed):
    header = listed_header()
    model = trained(header)
    shared = Hard().build(
        Mlp(widths=(8, 6), dropout=0.0),
        header.encoding.inputs,
        header.layout,
    )
    shared.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in model.tensors.items()})
    shared.eval()

    def outputs(rows, group):
        encoded = header.encoding.encode(rows)
        head = torch.full((rows.num_rows,), group)
        return shared(torch.from_numpy(encoded.numeric), torch.from_numpy(encoded.category), head).detach().double()

    found = listed.predict_table(ROWS).by_task
    first, second = outputs(ROWS.drop_columns(["only_b"]), 0), outputs(ROWS, 1)
    np.testing.assert_allclose(found["price"].output, first[:, 0] * 20 + 100, rtol=1e-5)
    np.testing.assert_allclose(found["kind"].output, first[:, 2:].softmax(1), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found["sold"].output, second[:, 1].sigmoid(), rtol=1e-4, atol=1e-6)


def test_labels_are_the_most_probable_classes(listed):
    found = listed.predict_table(ROWS).by_task
    sold, kind = found["sold"], found["kind"]
    assert isinstance(sold, Labels)
    assert isinstance(kind, Labels)
    assert isinstance(found["price"], Values)
    assert sold.classes == ("no", "yes")
    assert sold.labels == ["yes" if p >= 0.5 else "no" for p in sold.probabilities[:, 1]]
    assert kind.labels == ["abc"[best] for best in kind.probabilities.argmax(1)]
    for answers in (sold, kind):
        np.testing.assert_allclose(answers.probabilities.sum(1), 1.0)


def test_answers_are_json_without_numpy(listed):
    found = listed.predict(json_columns(ROWS.slice(0, 2))).to_json()
    assert found.keys() == {"price", "sold", "kind"}
    assert [type(value) for value in found["price"]["values"]] == [float, float]
    assert found["sold"].keys() == {"labels", "classes", "probabilities"}
    assert [type(p) for p in found["sold"]["probabilities"][0]] == [float, float]


def test_only_the_asked_tasks_are_answered_and_only_their_features_needed(listed):
    four = json_columns(ROWS.drop_columns(["only_b"]))
    found = listed.predict(four, tasks=["kind", "price", "kind"])
    assert list(found.by_task) == ["kind", "price"]
    whole = listed.predict(json_columns(ROWS))
    assert found.by_task["price"].output.tolist() == whole.by_task["price"].output.tolist()
    # what another task needs may be there, whatever it holds
    assert_same(found, listed.predict({**four, "only_b": ["x"] * 30}, tasks=["kind", "price"]))


@pytest.mark.parametrize("own", [("region",), ("joined", "age"), ("member",), ()])
def test_a_task_needs_a_column_of_no_type(own):
    header = listed_header().model_copy(update={"feature_sets": (own, tuple(TYPES))})
    predictor, columns = Predictor(trained(header)), json_columns(ROWS)
    asked = {name: columns[name] for name in own} | {"note": ["nothing of it is read"] * 30}
    found = predictor.predict(asked, tasks=["price"])
    assert found.by_task["price"].output.tolist() == predictor.predict(columns).by_task["price"].output.tolist()


def test_columns_that_training_dropped_may_be_there(listed):
    found = listed.predict({**json_columns(ROWS), "note": ["free words"] * 30})
    assert_same(found, listed.predict(json_columns(ROWS)))


def test_an_empty_cell_is_imputed(listed):
    columns = json_columns(ROWS.slice(10, 1))
    empty = listed.predict({name: [None] for name in columns})
    assert np.isfinite(empty.by_task["price"].output).all()
    assert empty.notices == ()


def test_an_integer_is_a_number(listed):
    one = rows_of(ROWS.slice(10, 1))[0]
    assert_same(predict_rows(listed, [{**one, "age": 40}]), predict_rows(listed, [{**one, "age": 40.0}]))


def test_a_zoned_date_is_its_utc_time(listed):
    one = rows_of(ROWS.slice(10, 1))[0]
    zoned, plain = "2024-03-01T01:30:00+02:00", "2024-02-29T23:30:00"
    assert_same(predict_rows(listed, [{**one, "joined": zoned}]), predict_rows(listed, [{**one, "joined": plain}]))


def test_an_unseen_category_is_answered_with_a_notice(listed):
    rows = [
        {**row, "region": region} for row, region in zip(rows_of(ROWS), ["north", "moon", "mars"] * 10, strict=True)
    ]
    found = predict_rows(listed, rows)
    (notice,) = found.notices
    assert (notice.code, notice.pointer) == ("unseen-category", "/rows/1/region")
    assert "'moon'" in notice.detail
    assert "19 more rows" in notice.detail
    alone = predict_rows(listed, [{**rows[1], "region": "elsewhere"}])
    np.testing.assert_allclose(found.by_task["price"].output[1], alone.by_task["price"].output[0], rtol=1e-5)
    (of_table,) = listed.predict_table(ROWS.set_column(3, "region", pa.array(["north", "moon", "mars"] * 10))).notices
    assert (of_table.code, of_table.detail, of_table.pointer) == (notice.code, notice.detail, None)


def test_each_row_is_answered_by_its_groups_head(grouped):
    shops = ["17", "18"] * 15
    found = grouped.predict(with_shop(ROWS, shops))
    assert list(found.by_task) == ["demand", "stockout"]
    assert found.notices == ()
    for shop, head in (("17", 0), ("18", 1)):
        alone = grouped.predict_table(ROWS, group=np.full(30, head))
        own = [row for row, name in enumerate(shops) if name == shop]
        for name, answers in found.by_task.items():
            np.testing.assert_allclose(answers.output[own], alone.by_task[name].output[own], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shop", ["elsewhere", "99", None, ""])
def test_an_unseen_group_is_answered_by_the_mean_head_with_a_notice(grouped, shop):
    found = grouped.predict(with_shop(ROWS, ["17"] * 29 + [shop]))
    (notice,) = found.notices
    assert (notice.code, notice.pointer) == ("unseen-group", "/columns/shop/29")
    mean = grouped.predict_table(ROWS, group=np.full(30, -1))
    np.testing.assert_allclose(found.by_task["demand"].output[29], mean.by_task["demand"].output[29], rtol=1e-5)


def test_the_mean_head_weighs_the_groups_by_their_training_rows(grouped):
    raw = [grouped.predict_table(ROWS, group=np.full(30, head)).by_task["demand"].output for head in (0, 1, -1)]
    np.testing.assert_allclose(raw[2], 0.8 * raw[0] + 0.2 * raw[1], rtol=1e-4, atol=1e-5)


def test_a_table_finds_its_groups_itself(grouped):
    shops = ["17", None, "18", "x"] * 7 + ["17", "18"]
    keyed = ROWS.append_column("shop", pa.array(shops))
    found = grouped.predict_table(keyed)
    assert_same(found, grouped.predict(with_shop(ROWS, shops)))
    assert [notice.code for notice in found.notices] == ["unseen-group"]


@pytest.mark.parametrize(
    ("key_type", "said", "kind"),
    [("number", [17, 18.0], pa.float64()), ("category", ["17", "18"], pa.string())],
)
def test_a_key_is_matched_as_text_of_its_own_type(key_type, said, kind):
    predictor = Predictor(trained(grouped_header(key_type=key_type), rows=GROUP_ROWS))
    two = ROWS.slice(0, 2)
    found = predictor.predict(with_shop(two, said))
    assert found.notices == ()
    assert_same(found, predictor.predict_table(two, group=np.array([0, 1])))
    assert_same(found, predictor.predict_table(two.append_column("shop", pa.array(said, kind))))


def test_a_target_that_a_group_never_saw_is_answered_by_the_mean_head():
    predictor = Predictor(trained(grouped_header(), rows=[[8.0, 2.0], [2.0, 0.0]]))
    own, mean = (predictor.predict_table(ROWS, group=np.full(30, head)) for head in (1, -1))
    assert own.by_task["stockout"].output.tolist() == mean.by_task["stockout"].output.tolist()
    assert own.by_task["demand"].output.tolist() != mean.by_task["demand"].output.tolist()


@pytest.mark.parametrize("rows", [0, 1, 9, 10, 25])
def test_a_long_table_is_answered_in_chunks_that_cannot_be_told(listed, grouped, monkeypatch, rows):
    part = ROWS.slice(0, rows)
    group = np.arange(rows) % 3 - 1
    whole = listed.predict_table(part), grouped.predict_table(part, group=group)
    monkeypatch.setattr("learning.predictor.predictor.CHUNK_ROWS", 10)
    assert_same(whole[0], listed.predict_table(part))
    assert_same(whole[1], grouped.predict_table(part, group=group))
    assert all(len(answers.output) == rows for answers in whole[0].by_task.values())


@pytest.mark.parametrize("spoiled", [np.nan, np.inf, 1e38])
def test_a_model_that_overflows_is_told_and_not_answered(spoiled):
    model = trained(listed_header())
    tensors = {name: tensor.copy() for name, tensor in model.tensors.items()}
    for layer in (0, 1):
        tensors[f"trunk.layers.{layer}.bias"][:] = spoiled
        tensors[f"trunk.layers.{layer}.weight"][:] = spoiled
    predictor = Predictor(TrainedModel(model.header, tensors))
    for ask in (lambda: predictor.predict(json_columns(ROWS)), lambda: predictor.predict_table(ROWS)):
        with pytest.raises(ModelUnhealthy, match="found infinity or NaN"):
            ask()


@pytest.mark.parametrize("type_", ["missing", "wrong"])
def test_a_table_that_does_not_fit_is_refused(listed, type_):
    rows = ROWS.drop_columns(["age"])
    if type_ == "wrong":
        rows = rows.append_column("age", pa.array(["old"] * 30))
    with pytest.raises(InputError) as refused:
        listed.predict_table(rows)
    code = "missing-feature" if type_ == "missing" else "wrong-type"
    assert [(problem.pointer, problem.code) for problem in refused.value.problems] == [("/columns/age", code)]


def test_a_column_of_a_table_without_any_value_is_missing(listed):
    empty = ROWS.set_column(0, "age", pa.nulls(30))
    assert_same(listed.predict_table(empty), listed.predict({**json_columns(ROWS), "age": [None] * 30}))


def test_what_is_asked_does_not_change_what_is_answered_later(listed):
    before = listed.predict(json_columns(ROWS)).to_json()
    columns = json_columns(ROWS)
    listed.predict({name: columns[name] for name in TYPES if name != "only_b"}, tasks=["price"])
    listed.predict(columns, tasks=["sold"])
    assert listed.predict(columns).to_json() == before
