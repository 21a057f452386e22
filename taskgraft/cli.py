"""The command `taskgraft`: run a service, or talk to one."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from taskgraft import report
from taskgraft.client import Taskgraft
from taskgraft.errors import Document, TaskgraftError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

DataFolder = Annotated[
    Path | None, typer.Option("--data", help="Data folder of a local service; else TASKGRAFT_URL and TASKGRAFT_KEY.")
]


def main() -> None:
    """The entry point: what the service refuses is said in a sentence, without a traceback."""
    try:
        app()
    except TaskgraftError as error:
        Console(stderr=True).print(f"{type(error).__name__}: {error}", style="red", markup=False, highlight=False)
        sys.exit(1)


@app.command()
def up(
    data: Annotated[Path, typer.Option(help="Folder for the database, artifacts, Redis and the admin key.")] = Path(
        "taskgraft-data"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    host: Annotated[str, typer.Option(help="Anything but loopback opens the service to the network.")] = "127.0.0.1",
) -> None:
    """Run the whole service on this machine until Ctrl-C: database, Redis, worker and API."""
    from taskgraft.up import up as run  # the server's dependencies: a client has none of them

    raise typer.Exit(run(data=data, host=host, port=port))


@app.command()
def upload(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    name: Annotated[str | None, typer.Option()] = None,
    delimiter: Annotated[str | None, typer.Option()] = None,
    decimal: Annotated[str | None, typer.Option()] = None,
    nulls: Annotated[str | None, typer.Option(help="How an empty cell is written, as in NA.")] = None,
    types: Annotated[
        list[str] | None, typer.Option(help="column:type, repeatable; overrides what is inferred.")
    ] = None,
    image_size: Annotated[
        str | None, typer.Option(help="Of the pictures in a .zip: 28, or 32x24 for 32 wide and 24 high.")
    ] = None,
    data: DataFolder = None,
) -> None:
    """Store a table (CSV, Parquet, ndjson or JSON columns) or a .zip of images, and show its columns."""
    overrides = dict(entry.rsplit(":", 1) for entry in types or [])
    with Taskgraft(data=data) as service:
        dataset = service.upload(
            file, name=name, delimiter=delimiter, decimal=decimal, nulls=nulls, types=overrides, image_size=image_size
        )
    _print(dataset)


@app.command()
def run(
    spec: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A job as JSON.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    data: DataFolder = None,
) -> None:
    """Submit a job, follow it, and show its result with rivals and verdicts."""
    body: Document = json.loads(spec.read_text(encoding="utf-8"))
    with Taskgraft(data=data) as service:
        if dry_run:
            _print(service.check(body))
            return
        console = Console()
        job = report.follow(service, service.submit(body), console=console)
    report.show(job, console=console)


@app.command()
def jobs(
    status: Annotated[str | None, typer.Option()] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    data: DataFolder = None,
) -> None:
    """The newest jobs."""
    table = Table("job", "name", "kind", "status", "progress", "created")
    with Taskgraft(data=data) as service:
        for job in service.get("/v1/jobs", status=status, limit=limit)["data"]:
            fraction = f"{job['progress']['fraction']:.0%}"
            table.add_row(job["id"], escape(job["name"] or ""), job["kind"], job["status"], fraction, job["created_at"])
    Console().print(table)


@app.command()
def job(job_id: str, data: DataFolder = None) -> None:
    """One job, as the service tells it."""
    with Taskgraft(data=data) as service:
        _print(service.job(job_id))


@app.command()
def retry(job_id: str, data: DataFolder = None) -> None:
    """Do an ended job again, as a new job of the same spec."""
    with Taskgraft(data=data) as service:
        _print(service.retry(job_id))


@app.command()
def replay(job_id: str, data: DataFolder = None) -> None:
    """Train again what a job trained, to see whether the same model comes out."""
    with Taskgraft(data=data) as service:
        _print(service.replay(job_id))


@app.command()
def predict(
    model: str,
    rows: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A JSON list of rows, or an object of columns.")
    ],
    task: Annotated[list[str] | None, typer.Option(help="Only this task; repeatable.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse unseen categories and groups.")] = False,
    data: DataFolder = None,
) -> None:
    """Predict with a stored model."""
    given = json.loads(rows.read_text(encoding="utf-8"))
    columns, listed = (given, None) if isinstance(given, dict) else (None, given)
    with Taskgraft(data=data) as service:
        _print(service.predict(model, listed, columns=columns, tasks=task, strict=strict))


@app.command()
def demo() -> None:
    """Start a service in a temporary folder and drive it over HTTP on real data, in under two minutes."""
    from taskgraft.demo import demo as show  # it loads scikit-learn's data sets: a client has no scikit-learn

    show()


def _print(document: Any) -> None:
    """JSON for people and for pipes alike: coloured on a terminal only."""
    Console().print_json(data=document)


if __name__ == "__main__":
    main()
