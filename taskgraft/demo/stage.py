"""Where the scenes of the demonstration play: a service, and a terminal that says what happens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from taskgraft import report
from taskgraft.client import Taskgraft
from taskgraft.errors import Document


@dataclass(frozen=True)
class Stage:
    """A service and the terminal that its visitor looks at."""

    service: Taskgraft
    console: Console

    def say(self, line: str) -> None:
        """A line as it is: brackets are no markup, and a long one is not broken."""
        self.console.print(line, markup=False, soft_wrap=True)

    def upload(self, name: str, columns: Mapping[str, Sequence[Any]]) -> Document:
        dataset = self.service.upload(columns, name=name)
        self.say(f"uploaded {name}: {dataset['rows']} rows, {len(dataset['columns'])} columns, {dataset['id']}")
        return dataset

    def run(self, spec: Mapping[str, Any]) -> Document:
        """Submit a job, follow it, show what it found; → the succeeded job."""
        done = report.follow(self.service, self.service.submit(spec), console=self.console)
        report.show(done, console=self.console)
        return done


def columns_of(table: Any) -> dict[str, list[Any]]:
    """The features of one of scikit-learn's data sets, as columns by name."""
    return {
        str(name).replace(" ", "_"): table.data[:, index].tolist() for index, name in enumerate(table.feature_names)
    }
