"""From a stored model and rows to answers: the only way to predict."""

from learning.predictor.answers import Labels, Prediction, Values, meaning
from learning.predictor.predictor import Predictor
from learning.predictor.shared import predictor_on, trunk_plan
from learning.predictor.unseen import Unseen

__all__ = ["Labels", "Prediction", "Predictor", "Unseen", "Values", "meaning", "predictor_on", "trunk_plan"]
