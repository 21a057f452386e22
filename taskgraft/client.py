"""The Python client: what a user does, as methods. It speaks HTTP and nothing else.

Example::

    with Taskgraft() as service:
        wine = service.upload("wine.csv")
        job = service.submit({"kind": "multitask", "tasks": [{"name": "quality", "dataset": wine["id"], "target": "quality"}]})
        done = service.result(job["id"], on_change=lambda job: print(job["progress"]["fraction"]))
        service.predict(done["model"], rows=[{"alcohol": 9.4}])
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from taskgraft.content import Columns, chunks_of, content_of
from taskgraft.errors import Document, JobFailed
from taskgraft.events import server_sent
from taskgraft.location import locate
from taskgraft.transport import Request, Transport

FINISHED = frozenset({"succeeded", "failed", "cancelled"})
_WAIT_SECONDS = 30
_IMPORT_SECONDS = 330.0  # as long as the service may take to read a model
_UPLOAD_SECONDS = 930.0  # as long as it may take to read a file

Rows = Sequence[Mapping[str, Any]]


class Taskgraft:
    """A connection to one service. Answers are the service's JSON documents as dictionaries.

    Every method may raise ``ProblemError`` (the service refused, and says where) and ``Unreachable``.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        data: Path | None = None,
        timeout_seconds: float = 60.0,
        tries: int = 4,
    ) -> None:
        self._transport = Transport(locate(url, key, data=data), timeout_seconds=timeout_seconds, tries=tries)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def upload(
        self,
        source: Path | str | bytes | Columns,
        *,
        name: str | None = None,
        media_type: str | None = None,
        delimiter: str | None = None,
        decimal: str | None = None,
        nulls: str | None = None,
        types: Mapping[str, str] | None = None,
        image_size: str | None = None,
    ) -> Document:
        """Store a table or a zip of images: a file (streamed), its bytes, or columns by name; → the dataset with its
        columns and warnings. ``image_size``: ``28``, or ``32x24`` for 32 wide and 24 high."""
        content, guessed, called = content_of(source)
        params = {
            "name": name or called,
            "delimiter": delimiter,
            "decimal": decimal,
            "nulls": nulls,
            "types": ",".join(f"{column}:{kind}" for column, kind in types.items()) if types else None,
            "image_size": image_size,
        }
        return self._json(
            Request(
                "POST",
                "/v1/datasets",
                params=params,
                content=content,
                media_type=media_type or guessed,
                timeout_seconds=_UPLOAD_SECONDS,
            )
        )

    def submit(self, spec: Mapping[str, Any]) -> Document:
        """Queue a job; → the job, not yet started."""
        return self._json(Request("POST", "/v1/jobs", body=dict(spec)))

    def check(self, spec: Mapping[str, Any]) -> Document:
        """What the service would make of a job: ``spec`` with every default, ``errors``, ``warnings``. Nothing is stored."""
        return self._json(Request("POST", "/v1/jobs", params={"dry_run": "true"}, body=dict(spec)))

    def job(self, job_id: str, *, wait_seconds: float | None = None) -> Document:
        """The job now, or at its next change within ``wait_seconds``."""
        timeout = None if wait_seconds is None else wait_seconds + 30
        return self._json(Request("GET", f"/v1/jobs/{job_id}", params={"wait": wait_seconds}, timeout_seconds=timeout))

    def wait(self, job_id: str, *, on_change: Callable[[Document], None] | None = None) -> Document:
        """Follow the job to its end, whatever that is, calling ``on_change`` with each new state of it."""
        job = self.job(job_id)
        while True:
            if on_change is not None:
                on_change(job)
            if job["status"] in FINISHED:
                return job
            job = self.job(job_id, wait_seconds=_WAIT_SECONDS)

    def result(self, job_id: str, *, on_change: Callable[[Document], None] | None = None) -> Document:
        """The succeeded job, with ``result.tasks`` complete however many there are.

        Raises:
            JobFailed: it failed or was cancelled.
        """
        job = self.wait(job_id, on_change=on_change)
        if job["status"] != "succeeded":
            raise JobFailed(job)
        if job["result"] is not None and job["result"].get("tasks") is None:
            job["result"]["tasks"] = {task["name"]: task for task in self.pages(f"/v1/jobs/{job_id}/tasks")}
        return job

    def cancel(self, job_id: str, *, keep_best: bool = False) -> Document:
        """Stop the job; with ``keep_best`` the best model so far is stored."""
        return self._json(Request("POST", f"/v1/jobs/{job_id}/cancel", body={"keep_best": keep_best}))

    def retry(self, job_id: str) -> Document:
        """Do an ended job again; → the new job, whose ``retried_from`` is ``job_id``."""
        return self._json(Request("POST", f"/v1/jobs/{job_id}/retry"))

    def replay(self, job_id: str) -> Document:
        """Train again what a succeeded job trained; → the new job, whose ``result.reproduced`` tells whether it came out."""
        return self._json(Request("POST", f"/v1/jobs/{job_id}/replay"))

    def events(self, job_id: str, *, after: int = 0) -> Iterator[Document]:
        """The job's events as they happen, ``{"id","event","data"}``, until it ends. A broken stream resumes where it was."""
        while True:
            try:
                with self._transport.stream(
                    f"/v1/jobs/{job_id}/events",
                    params={"after": after},
                    headers={"Accept": "text/event-stream", "Last-Event-ID": str(after)},
                ) as response:
                    for event in server_sent(response.iter_lines()):
                        if event["event"] == "end":
                            return
                        after = event["id"]
                        yield event
            except httpx.TransportError:
                # the sequence number is durable: ask again from there, and let `job` say whether anyone is there at all
                self.job(job_id)

    def predict(
        self,
        model: str,
        rows: Rows | None = None,
        *,
        columns: Columns | None = None,
        tasks: Sequence[str] | None = None,
        strict: bool = False,
    ) -> Document:
        """Predictions of a model, by id or alias, for rows or for the same as columns; all tasks unless some are named."""
        body: Document = {"rows": list(rows or [])} if columns is None else {"columns": dict(columns)}
        body |= {"tasks": list(tasks)} if tasks is not None else {}
        body |= {"strict": True} if strict else {}
        return self._json(Request("POST", f"/v1/models/{quote(model, safe='')}/predictions", body=body))

    def adapt(
        self,
        model: str,
        support: Rows | Mapping[str, Any] | str | None = None,
        *,
        supports: Mapping[str, Mapping[str, Any]] | None = None,
        query: Rows | Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Document:
        """Adapt a model, by id or alias, to a task that it has never seen; → the child, predictions for ``query``, a check.

        Args:
            support: labelled rows, ``{"rows": …}`` or ``{"columns": …}``, or the id of a dataset.
            supports: many of them by key instead, each ``{"rows" | "columns" | "dataset": …, "query": …}``.
            more: ``target`` or ``targets``, ``task_key``, ``steps``, ``store``, ``name``, ``ttl_seconds``.
        """
        said = {"support": _table(support), "supports": supports, "query": _table(query)} | more
        body = {name: value for name, value in said.items() if value is not None}
        return self._json(Request("POST", f"/v1/models/{quote(model, safe='')}/adaptations", body=body))

    def predict_one(self, model: str, **features: Any) -> Document:
        """One row by GET: its values are typed by the model's input schema."""
        return self._json(Request("GET", f"/v1/models/{quote(model, safe='')}/predictions", params=features))

    def import_model(self, path: Path | str, *, name: str | None = None) -> Document:
        """Store the file of another installation's model (streamed); → the model, which predicts at once."""
        return self._json(
            Request(
                "POST",
                "/v1/models",
                params={"name": name},
                content=chunks_of(Path(path)),
                media_type="application/octet-stream",
                timeout_seconds=_IMPORT_SECONDS,
            )
        )

    def download_model(self, model: str, path: Path | str) -> Path:
        """Write the model's file, one safetensors file (streamed); → its path. Another installation can import it."""
        target, address = Path(path), f"/v1/models/{quote(model, safe='')}/artifact"
        # opened once the answer is good: a refusal leaves no empty file
        with self._transport.stream(address, params={}, headers={}) as answer, target.open("wb") as file:
            for block in answer.iter_bytes():
                file.write(block)
        return target

    def get(self, path: str, **params: Any) -> Document:
        """Any other document of the API, as ``service.get("/v1/models/mdl_…/lineage")``."""
        return self._json(Request("GET", path, params=params))

    def delete(self, path: str) -> None:
        self._transport.send(Request("DELETE", path))

    def pages(self, path: str, **filters: Any) -> Iterator[Document]:
        """Every entry of a list, page after page: ``service.pages("/v1/jobs", status="failed")``."""
        after: str | None = None
        while True:
            page = self.get(path, **({"limit": 100} | filters | {"after": after}))
            yield from page["data"]
            if not page["has_more"] or page["last_id"] is None:  # a preview has more, but no further page
                return
            after = page["last_id"]

    def _json(self, request: Request) -> Document:
        return dict(self._transport.send(request).json())


def _table(said: Rows | Mapping[str, Any] | str | None) -> Mapping[str, Any] | str | None:
    """A list of rows as the body says it; everything else as it is."""
    return said if said is None or isinstance(said, str | Mapping) else {"rows": list(said)}
