"""Where the truth and the bytes live. Every setting is an environment variable ``TASKGRAFT_…``."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class StoreSettings(BaseSettings):
    """Read once by the process that needs it; the URLs may hold passwords, so they are never shown."""

    model_config = SettingsConfigDict(env_prefix="TASKGRAFT_", frozen=True, extra="ignore")

    database_url: str = Field(repr=False, description="sqlite:////abs/path.db or postgresql://user:pass@host/name")
    redis_url: str | None = Field(
        default=None, repr=False, description="the doorbell's broker; without it workers poll"
    )
    artifacts: Path = Field(description="folder of datasets, models and checkpoints")
