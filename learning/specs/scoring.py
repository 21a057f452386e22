"""Jobs that ask stored models: batch prediction and evaluation. They train nothing, so they have no methods and no seed."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from learning.specs.parts import Frozen, Metadata, Name

MAX_MODELS = 10

#: An id or an alias, and an alias may be this long.
MAX_MODEL_CHARACTERS = 200

ModelId = Annotated[str, Field(min_length=1, max_length=MAX_MODEL_CHARACTERS)]
DatasetId = Annotated[str, Field(min_length=1, max_length=64)]


class _Scoring(Frozen):
    name: Name | None = None
    dataset: DatasetId
    priority: int = Field(default=0, ge=-100, le=100)
    metadata: Metadata = Field(default_factory=dict)


class PredictJob(_Scoring):
    """Answer every row of a dataset; the answers become a dataset."""

    kind: Literal["predict"]
    model: ModelId


class EvaluateJob(_Scoring):
    """Measure stored models on the labelled rows of a dataset, and by how much they differ."""

    kind: Literal["evaluate"]
    models: Annotated[tuple[ModelId, ...], Field(min_length=1, max_length=MAX_MODELS)]


ScoringJob: TypeAlias = PredictJob | EvaluateJob
