"""From a request to what each of its tasks learned, or what is wrong with it: pure work on a warm model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from app.adaptations.requests import Asked, Task
from app.errors import ApiError, first_problem
from app.images import decoded
from app.problems import pointed
from app.rows import Given
from learning.adapting import Adaptation, Adapter, Request, Sample
from learning.errors import InputError, LearningError, ModelUnhealthy, Problem, ProblemsError
from learning.model import AnyHeader

MOST_REFUSED = 50
"""More supports than that which do not fit are no slips: the whole request is refused."""

Outcome = Adaptation | ApiError


@dataclass(frozen=True)
class Ready:
    """A task whose support is here: ``rows`` are the request's own, or those of a dataset."""

    task: Task
    rows: Given | pa.Table

    def sample(self, name: str | None) -> Sample:
        """What the adapter reads of it; ``name`` is the child's."""
        task, query, rows = self.task, self.task.query, self.rows
        return Sample(
            support=rows.columns if isinstance(rows, Given) else rows,
            query=None if query is None else query.columns,
            task_key=task.task_key,
            name=name if task.key is None else task.key,
            at=task.at,
            query_at=task.query_at,
            key_at=task.key_at,
            style=rows.form if isinstance(rows, Given) else "columns",
            query_style="rows" if query is None else query.form,
        )


def with_images(tasks: Sequence[Task], header: AnyHeader) -> tuple[Task, ...]:
    """The tasks, with the images of their rows decoded where the model reads some.

    Raises:
        ApiError: ``invalid-image`` and ``image-too-large``.
    """
    if header.encoding.image is None:
        return tuple(tasks)
    brought = [part for task in tasks for part in (task.support, task.query) if isinstance(part, Given)]
    rows = sum(part.count for part in brought)

    def pictured(part: Given, at: str) -> Given:
        return replace(part, columns=decoded(part.columns, part.form, header.inputs, at=at, rows=rows))

    return tuple(
        replace(
            task,
            support=pictured(task.support, task.at) if isinstance(task.support, Given) else task.support,
            query=None if task.query is None else pictured(task.query, task.query_at),
        )
        for task in tasks
    )


def adapted(adapter: Adapter, asked: Asked, tasks: Sequence[Ready], *, most_rows: int) -> list[Outcome]:
    """What each task learned, in order. Of several, those that do not fit are told so, and the others go on without them.

    Raises:
        ApiError: the request does not suit the model, or none of its tasks does.
        ModelUnhealthy: the model answers with infinity or NaN.
    """
    request = Request(targets=asked.targets or (), steps=asked.steps, most_rows=most_rows)
    found: dict[int, Outcome] = {}
    while left := [place for place in range(len(tasks)) if place not in found]:
        try:
            # what overflows is found by the adapter, and told in its words
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                learned = adapter.adapt(request, [tasks[place].sample(asked.name) for place in left])
        except ModelUnhealthy:
            raise
        except ProblemsError as error:
            refused = _refused(error, {place: tasks[place] for place in left})
            if not refused or len(found) + len(refused) > MOST_REFUSED:
                raise first_problem(pointed(_moved(error.problems, tasks[left[0]]))) from None
            found |= refused
        except LearningError as error:
            raise ApiError(error.code, error.detail) from None
        else:
            found |= dict(zip(left, learned, strict=True))
    outcomes = [found[place] for place in range(len(tasks))]
    if all(isinstance(one, ApiError) for one in outcomes):
        raise first_problem([entry for one in outcomes if isinstance(one, ApiError) for entry in one.errors])
    return outcomes


def _refused(error: ProblemsError, tasks: Mapping[int, Ready]) -> dict[int, Outcome]:
    """By task, the problems that lie in its own part of the request; none when one concerns all tasks."""
    if not isinstance(error, InputError):
        return {}
    own: dict[int, list[Problem]] = {}
    for problem in error.problems:
        place = next((place for place, ready in tasks.items() if _lies_in(problem.pointer, ready.task.at)), None)
        if place is None:
            return {}
        own.setdefault(place, []).append(problem)
    return {place: first_problem(pointed(_moved(problems, tasks[place]))) for place, problems in own.items()}


def _lies_in(pointer: str, at: str) -> bool:
    return pointer == at or pointer.startswith(at + "/")


def _moved(problems: Sequence[Problem], ready: Ready) -> list[Problem]:
    """Problems of a dataset's rows lie where the request names it."""
    task = ready.task
    if isinstance(ready.rows, Given):
        return list(problems)
    asides = (task.query_at, task.key_at)
    return [
        replace(problem, pointer=task.at)
        if _lies_in(problem.pointer, task.at) and not any(_lies_in(problem.pointer, aside) for aside in asides)
        else problem
        for problem in problems
    ]


def checks(outcome: Adaptation, *, listed: bool) -> dict[str, Any]:
    """The check of the one target; each by its target where they were listed, or several were learned."""
    told = {target: {**check.to_json(), "query": check.query} for target, check in outcome.checks.items()}
    return told if listed or len(told) > 1 else next(iter(told.values()))
