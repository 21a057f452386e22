"""What a job says of itself: against whom it was measured, task by task and over all of them."""

from worker.training.result.judge import Judgement, judge
from worker.training.result.pooled import pooled_metrics
from worker.training.result.summary import job_result
from worker.training.result.task import task_result
from worker.training.result.transfer import sentence, transferred

__all__ = ["Judgement", "job_result", "judge", "pooled_metrics", "sentence", "task_result", "transferred"]
