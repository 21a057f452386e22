"""A linear model: ridge regression, or logistic regression with an L2 penalty, its strength chosen on validation rows."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge

from learning.metrics import log_loss
from worker.training.baselines.classes import full
from worker.training.baselines.design import Form, OneHot, Rows

_RIDGE_STRENGTHS = (1.0, 0.1, 10.0, 100.0, 1000.0)
_LOGISTIC_STRENGTHS = (1.0, 0.1, 10.0, 100.0)
#: Beyond this many numbers (rows × columns × classes) one logistic fit takes seconds: the first strength is taken.
_MOST_CHOSEN = 50_000_000
_MOST_STEPS = 200


def linear(form: Form, train: Rows, validation: Rows, test: Rows, *, seed: int) -> NDArray[np.float64]:
    """Fit the training rows and answer the test rows (`Fit`); nothing here is random."""
    del seed
    encode = OneHot.fit(train.category)
    X, Z = encode(train.numeric, train.category), encode(test.numeric, test.category)
    chosen = (encode(validation.numeric, validation.category), validation.labels) if len(validation) else None
    if form.classes == 1:
        predicted: NDArray[np.float64] = _ridge(X, train.labels, chosen).predict(Z)
        return predicted
    return _probabilities(_logistic(X, train.labels, chosen, form.classes), Z, form.classes)


def _ridge(X: Any, labels: NDArray[np.float64], validation: tuple[Any, NDArray[np.float64]] | None) -> Ridge:
    # auto: an exact solution where columns are few, else conjugate gradients on the sparse one-hot columns
    models = [Ridge(alpha=strength).fit(X, labels) for strength in _RIDGE_STRENGTHS[: None if validation else 1]]
    if validation is None:
        return models[0]
    Z, expected = validation
    return min(models, key=lambda model: float(np.square(model.predict(Z) - expected).mean()))


def _logistic(
    X: Any, labels: NDArray[np.float64], validation: tuple[Any, NDArray[np.float64]] | None, classes: int
) -> LogisticRegression:
    if validation is None or X.shape[0] * X.shape[1] * classes > _MOST_CHOSEN:
        return _one_logistic(X, labels, _LOGISTIC_STRENGTHS[0])
    Z, expected = validation
    models = [_one_logistic(X, labels, strength) for strength in _LOGISTIC_STRENGTHS]
    return min(models, key=lambda model: log_loss(_probabilities(model, Z, classes), expected.astype(np.int64)))


def _one_logistic(X: Any, labels: NDArray[np.float64], strength: float) -> LogisticRegression:
    with warnings.catch_warnings():
        # a fit cut off at so many steps is still the baseline that is meant
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=1.0 / strength, max_iter=_MOST_STEPS).fit(X, labels.astype(np.int64))


def _probabilities(model: LogisticRegression, X: Any, classes: int) -> NDArray[np.float64]:
    return full(model.predict_proba(X), model.classes_, classes)
