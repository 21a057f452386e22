"""Gradient-boosted trees on histograms, stopped early on the validation rows; the rival of choice on tables."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from worker.training.baselines.classes import full
from worker.training.baselines.design import Codes, Form, Rows

#: The library's own hundred rounds; a multiclass round grows a tree per class, so it gets fewer.
_ROUNDS = 100
_MOST_TREES = 600
_PATIENCE = 10


def boosted_trees(form: Form, train: Rows, validation: Rows, test: Rows, *, seed: int) -> NDArray[np.float64]:
    """Fit the training rows and answer the test rows (`Fit`)."""
    encode = Codes.fit(train.numeric, train.category)
    X = encode(test.numeric, test.category)
    if form.classes == 1:
        model = HistGradientBoostingRegressor(**_settings(train, validation, encode, trees=1, seed=seed))
        predicted: NDArray[np.float64] = _fitted(model, train, validation, encode).predict(X)
        return predicted
    # the library takes no validation label that it has not trained on
    validation = validation.where(np.isin(validation.labels, train.labels))
    trees = 1 if form.classes == 2 else form.classes
    model = HistGradientBoostingClassifier(**_settings(train, validation, encode, trees=trees, seed=seed))
    _fitted(model, train, validation, encode)
    return full(model.predict_proba(X), model.classes_.astype(np.int64), form.classes)


def _settings(train: Rows, validation: Rows, encode: Codes, *, trees: int, seed: int) -> dict[str, Any]:
    small = len(train) < 1000
    return {
        "max_iter": min(_ROUNDS, max(10, _MOST_TREES // trees)),
        "max_leaf_nodes": 15 if small else 31,
        # the library's 20 leaves a task of 40 rows without a single split
        "min_samples_leaf": min(20, max(3, len(train) // 15)),
        "early_stopping": len(validation) > 0,
        "n_iter_no_change": _PATIENCE,
        "categorical_features": encode.categorical,
        "random_state": seed % 2**32,
    }


def _fitted(model: Any, train: Rows, validation: Rows, encode: Codes) -> Any:
    held_out = {}
    if len(validation) > 0:
        held_out = {"X_val": encode(validation.numeric, validation.category), "y_val": validation.labels}
    return model.fit(encode(train.numeric, train.category), train.labels, **held_out)
