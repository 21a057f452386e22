"""What a caller of the client may meet."""

from typing import Any

Document = dict[str, Any]


class TaskgraftError(Exception):
    """Root of everything the client raises."""


class NotConfigured(TaskgraftError):
    """No address or no key: neither an argument, nor the environment, nor a data folder names one."""


class Unreachable(TaskgraftError):
    """Nothing answered at the address, after every try."""


class ProblemError(TaskgraftError):
    """The service answered with a problem document (RFC 9457)."""

    def __init__(self, document: Document) -> None:
        super().__init__(_sentence(document))
        self.document = document

    @property
    def status(self) -> int:
        return int(self.document["status"])

    @property
    def code(self) -> str:
        return str(self.document["code"])

    @property
    def errors(self) -> list[Document]:
        """One entry a fault: ``pointer`` to the field or row, ``code``, ``detail``."""
        return list(self.document.get("errors") or [])


class JobFailed(TaskgraftError):
    """The job ended without a result: it failed or was cancelled."""

    def __init__(self, job: Document) -> None:
        error = job.get("error") or {}
        super().__init__(f"job {job['id']} ended {job['status']}" + (f": {error['message']}" if error else ""))
        self.job = job


def _sentence(document: Document) -> str:
    head = f"{document.get('status', '?')} {document.get('code', 'unknown')}: {document.get('detail') or document.get('title', '')}"
    return "\n".join(
        [
            head,
            *(
                f"  {fault.get('pointer', '')} {fault['code']}: {fault['detail']}"
                for fault in document.get("errors") or []
            ),
        ]
    )
