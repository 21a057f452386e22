"""How a job's rows come on their sides, in each of its forms."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Discriminator, Field, PlainValidator, Tag, model_validator
from pydantic_core import PydanticCustomError

from learning.specs.parts import ColumnName, Fraction, Frozen

MAX_FOLDS = 50
# The field that tells a form of split; without any of them it is the one by fractions.
_FORMS = ("column", "group", "time", "blocks", "folds")
# The tags below: they stand in pydantic's path of a value, and not in the user's JSON.
SPLIT_FORMS = ("fraction", *_FORMS)
SPLIT_ONCE_FORMS = tuple(form for form in SPLIT_FORMS if form != "folds")


def moment(text: str) -> datetime:
    """A date, or a date with a time, as UTC without its offset, as date columns are stored.

    Raises:
        ValueError: the text is no ISO 8601 date, or one outside the years 1 to 9999.
    """
    found = datetime.fromisoformat(text)
    try:
        return found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise ValueError(str(error)) from None


def _border(value: Any) -> float | str:
    if isinstance(value, str):
        try:
            moment(value)
        except ValueError:
            raise PydanticCustomError("invalid-value", "expected a date such as 2026-01-31 or a number") from None
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise PydanticCustomError("out-of-range", "expected a number below 1e308") from None
    raise PydanticCustomError("wrong-type", "expected a date such as 2026-01-31 or a number")


def _place(border: float | str) -> Any:
    return moment(border) if isinstance(border, str) else border


Border = Annotated[float | str, PlainValidator(_border, json_schema_input_type=float | str)]


class _Parts(Frozen):
    validation: Fraction = 0.15
    test: Fraction = 0.15

    @model_validator(mode="after")
    def _leave_rows_to_train_on(self) -> "_Parts":
        if self.validation + self.test >= 1:
            raise PydanticCustomError("out-of-range", "expected validation + test below 1")
        return self


class SplitByFraction(_Parts):
    """Each row on one side by a seeded hash of its content; exact duplicates stay together."""


class SplitByGroup(_Parts):
    """All rows of one value of the column ``group`` on one side."""

    group: ColumnName


class SplitByColumn(Frozen):
    """The column holds train, validation, test; without validation rows that fraction is cut from train."""

    column: ColumnName
    validation: Fraction = 0.15


class TimeBorders(Frozen):
    """Rows from ``test_from`` on are for the test, and those before it from ``validation_from`` on for validation."""

    column: ColumnName
    test_from: Border = Field(description="a date for a column of dates, a number for one of numbers")
    validation_from: Border | None = Field(default=None, description="null: ``validation`` says how many rows it takes")

    @model_validator(mode="after")
    def _come_in_order(self) -> "TimeBorders":
        first, last = self.validation_from, self.test_from
        if first is None:
            return self
        if isinstance(first, str) != isinstance(last, str):
            raise PydanticCustomError(
                "wrong-type", "expected validation_from and test_from to be dates or numbers alike"
            )
        if not _place(first) < _place(last):
            raise PydanticCustomError("out-of-range", "expected validation_from before test_from")
        return self


class SplitByTime(Frozen):
    """The last rows by time are for the test, those before them for validation: no row of the future is trained on.

    ``validation`` is the share of the rows before the test, the last of them; rows of one time stay together.
    """

    time: TimeBorders
    validation: Fraction = 0.15


class SplitByBlocks(_Parts):
    """Each run of ``blocks`` rows, in the order of the dataset, on one side: for rows that resemble their neighbours."""

    blocks: int = Field(ge=1, le=1_000_000_000)


class SplitByFolds(Frozen):
    """Every row is tested once, by a model that was trained on the other folds (k-fold cross-validation).

    ``validation`` is the share of the rows outside the fold, cut from them for early stopping. Exact duplicates are in
    one fold. The model that is stored is trained once more, on all folds.
    """

    folds: int = Field(ge=2, le=MAX_FOLDS)
    validation: Fraction = 0.15


def _split_form(value: Any) -> str | None:
    if isinstance(value, BaseModel):
        value = dict.fromkeys(type(value).model_fields, True)
    if not isinstance(value, dict):
        return None
    return next((form for form in _FORMS if form in value), "fraction")


def _one_test_part(value: Any) -> Any:
    if isinstance(value, dict) and _split_form(value) == "folds":
        raise PydanticCustomError(
            "unknown-value", "expected a split with one test part, as folds are for multitask jobs"
        )
    return value


_OneTestPart = (
    Annotated[SplitByFraction, Tag("fraction")]
    | Annotated[SplitByColumn, Tag("column")]
    | Annotated[SplitByGroup, Tag("group")]
    | Annotated[SplitByTime, Tag("time")]
    | Annotated[SplitByBlocks, Tag("blocks")]
)
#: For jobs that train one model and ask it once.
SplitOnce = Annotated[_OneTestPart, Discriminator(_split_form), BeforeValidator(_one_test_part)]
Split = Annotated[_OneTestPart | Annotated[SplitByFolds, Tag("folds")], Discriminator(_split_form)]
