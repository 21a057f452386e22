"""What a user asks for, as frozen values."""

from learning.specs.adapt import AdaptJob
from learning.specs.job import MultitaskJob, parse_job
from learning.specs.kinds import JobSpec, parse_spec, spec_json_schema
from learning.specs.meta import MetaJob
from learning.specs.parts import MAX_TASK_NAME_BYTES, TrainingSpec
from learning.specs.replay import REPLAYED, Replayed, ReplayJob, parse_recorded
from learning.specs.scoring import EvaluateJob, PredictJob, ScoringJob
from learning.specs.transfer import TransferJob

__all__ = [
    "MAX_TASK_NAME_BYTES",
    "REPLAYED",
    "AdaptJob",
    "EvaluateJob",
    "JobSpec",
    "MetaJob",
    "MultitaskJob",
    "PredictJob",
    "ReplayJob",
    "Replayed",
    "ScoringJob",
    "TrainingSpec",
    "TransferJob",
    "parse_job",
    "parse_recorded",
    "parse_spec",
    "spec_json_schema",
]
