"""What a user asks for, as frozen values."""

from learning.specs.job import MultitaskJob, job_json_schema, parse_job
from learning.specs.parts import MAX_TASK_NAME_BYTES, TrainingSpec

__all__ = ["MAX_TASK_NAME_BYTES", "MultitaskJob", "TrainingSpec", "job_json_schema", "parse_job"]
