"""Models on one trunk, which is planned once: each answers as it would by itself."""

import numpy as np
import pytest

from learning.model import ModelFileInvalid, TrainedModel
from learning.predictor import Predictor, predictor_on, trunk_plan
from tests.learning.toys import json_columns, listed_header, table, trained


@pytest.fixture
def base():
    return trained(listed_header())


def child_of(base, **heads):
    return TrainedModel(base.header, dict(base.tensors) | heads)


def test_a_child_on_a_planned_trunk_answers_as_by_itself(base):
    other = child_of(base, **{"heads.weight": base.tensors["heads.weight"] * 2})
    columns = json_columns(table(10))
    shared = predictor_on(trunk_plan(base), other).predict(columns).by_task
    alone = Predictor(other).predict(columns).by_task
    for name, answer in alone.items():
        np.testing.assert_array_equal(shared[name].output, answer.output)
    assert not np.array_equal(Predictor(base).predict(columns).by_task["price"].output, alone["price"].output)


def test_the_trunk_counts_once(base):
    trunk = sum(array.nbytes for name, array in base.tensors.items() if name.startswith("trunk."))
    assert predictor_on(trunk_plan(base), child_of(base)).nbytes == Predictor(base).nbytes - 2 * trunk


def test_heads_of_another_width_are_told(base):
    narrow = child_of(base, **{"heads.weight": base.tensors["heads.weight"][..., :-1]})
    with pytest.raises(ModelFileInvalid, match="weights that fit the header"):
        predictor_on(trunk_plan(base), narrow)
