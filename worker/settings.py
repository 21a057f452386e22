"""How this worker runs jobs. Every setting is an environment variable ``TASKGRAFT_…``."""

import os

from pydantic import Field

from store.settings import StoreSettings


class WorkerSettings(StoreSettings):
    """The store's settings and the worker's own; bounds of DESIGN D1 and D2, RELIABILITY 1c."""

    queues: tuple[str, ...] = Field(default=("train", "quick"), description="one slot for each")
    poll_seconds: float = Field(default=5.0, gt=0, description="a lost doorbell costs this much")
    lease_seconds: float = Field(default=30.0, gt=0, description="after this silence another worker may take the job")
    renew_seconds: float = Field(default=8.0, gt=0)
    self_fence_seconds: float = Field(default=22.0, gt=0, description="after this silence the child is killed here")
    cancel_poll_seconds: float = Field(default=1.0, gt=0, description="how soon a cancel is seen")
    cancel_grace_seconds: float = Field(default=10.0, gt=0, description="from the child's order to stop to its kill")
    keep_best_grace_seconds: float = Field(
        default=60.0, gt=0, description="the same when the best model is to be stored"
    )
    grace_seconds: float = Field(default=20.0, gt=0, description="for the last checkpoint when this worker stops")
    rescue_seconds: float = Field(default=10.0, gt=0, description="how often expired leases are looked for")
    max_job_seconds: float = Field(default=86400.0, gt=0, description="an attempt that runs longer fails as timed-out")
    max_crashes: int = Field(default=3, ge=1, description="after so many a job fails as worker-crashed")
    threads: int = Field(
        default_factory=lambda: max(1, (os.cpu_count() or 1) // 2),
        ge=1,
        description="of one attempt; two slots share the host",
    )
    entry: str = Field(default="worker.training.attempt:run", description="what a child runs")
    preload: tuple[str, ...] = Field(
        default=(
            "torch",
            "torch._dynamo",  # the first optimizer of a process imports it: a second and 800 modules
            "sklearn.ensemble",
            "sklearn.linear_model",
            "pyarrow.parquet",
            "safetensors.torch",
            "worker.training.attempt",
        ),
        description="modules that the forkserver imports once, for every child",
    )
