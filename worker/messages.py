"""What a child may say to its supervisor, and what the supervisor may believe.

The child is not trusted (DESIGN D5): each message is JSON of at most `MAX_MESSAGE_BYTES`, and anything that does not
fit these shapes ends the attempt as a crash.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError

MAX_MESSAGE_BYTES = 1024 * 1024
MAX_LOG_CHARACTERS = 4000
#: Points in one message; the channel cuts longer series into several.
MAX_POINTS = 2000

StopReason = Literal["cancel", "keep_best", "preempt"]


#: PostgreSQL stores no NUL.
Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]


class GarbledMessage(Exception):
    """The child sent bytes that are no message."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Started(_Message):
    """The recipe runs; ``preloaded`` tells whether every module of the assignment was there before the fork."""

    type: Literal["started"]
    environment: dict[Text, Text | int | FiniteFloat | bool | None]
    preloaded: bool


class ProgressState(_Message):
    """The job's ``progress`` object as in API.md section 4."""

    fraction: Annotated[FiniteFloat, Field(ge=0, le=1)]
    phase: Annotated[Text, Field(max_length=40)]
    epoch: int | None = None
    epochs: int | None = None
    step: int | None = None
    eta_seconds: FiniteFloat | None = None
    metrics: dict[Text, FiniteFloat | None] = {}


class Progress(_Message):
    type: Literal["progress"]
    progress: ProgressState


class Point(_Message):
    """One value of one series."""

    name: Annotated[Text, Field(max_length=200)]
    task: Annotated[Text, Field(max_length=1000)] | None = None
    step: Annotated[int, Field(ge=0)]
    value: FiniteFloat


class Metrics(_Message):
    type: Literal["metrics"]
    points: Annotated[list[Point], Field(max_length=MAX_POINTS)]


class Checkpoint(_Message):
    """A checkpoint lies, whole and durable, in the job's checkpoint folder under the name ``file``."""

    type: Literal["checkpoint"]
    step: Annotated[int, Field(ge=0)]
    file: Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Resumed(_Message):
    """Training went on from the checkpoint of this step."""

    type: Literal["resumed"]
    step: Annotated[int, Field(ge=0)]


class Log(_Message):
    type: Literal["log"]
    level: Literal["debug", "info", "warning", "error"]
    message: Annotated[Text, Field(max_length=MAX_LOG_CHARACTERS)]


class Files(_Message):
    """Names of files in the attempt's folder; never paths."""

    model: Literal["model.safetensors"] | None = None
    result: Literal["result.json"] | None = None
    predictions: Literal["predictions.parquet"] | None = None


class Problem(_Message):
    """A job's ``error`` as in API.md section 4."""

    code: Annotated[Text, Field(max_length=100)]
    message: Annotated[Text, Field(max_length=MAX_LOG_CHARACTERS)]
    param: Annotated[Text, Field(max_length=1000)] | None = None
    category: Literal["user", "server", "capacity"]
    retryable: bool


class Ended(_Message):
    """The child's last word. ``cancelled`` with a model file is an answer to ``keep_best``."""

    type: Literal["ended"]
    outcome: Literal["succeeded", "cancelled", "preempted", "failed"]
    files: Files = Files()
    error: Problem | None = None


Message = Started | Progress | Metrics | Checkpoint | Resumed | Log | Ended

_ADAPTER: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def read(body: bytes) -> Message:
    """Return the message that ``body`` holds.

    Raises:
        GarbledMessage: not UTF-8 JSON, or not one of the shapes above.
    """
    try:
        return _ADAPTER.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "/".join(str(part) for part in first["loc"])
        raise GarbledMessage(f"expected a child's message, found {first['msg']} at /{where}") from None


def problem(code: str, message: str, *, category: Literal["user", "server", "capacity"]) -> dict[str, Any]:
    """Return a job's ``error``; what the server or its capacity caused may be tried again."""
    return {"code": code, "message": message, "param": None, "category": category, "retryable": category != "user"}
