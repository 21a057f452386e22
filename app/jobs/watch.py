"""One change-poller a process: however many requests wait for jobs, one query asks for all of them."""

import asyncio
from collections.abc import Callable, Mapping

from anyio.to_thread import run_sync

Versions = Callable[[list[str]], Mapping[str, int]]
"""Job ids → the number of each job's newest event, which grows at every visible change."""


class Watch:
    """Lets requests wait for the next event of a job. Nothing runs while nobody waits."""

    def __init__(self, versions: Versions, *, poll_seconds: float) -> None:
        self._versions = versions
        self._poll_seconds = poll_seconds
        self._waiting: dict[str, set[tuple[int, asyncio.Future[None]]]] = {}
        self._poller: asyncio.Task[None] | None = None
        self.closed = False

    async def change(self, job_id: str, *, seen: int, seconds: float) -> None:
        """Return when the job has an event after number ``seen``, after ``seconds``, or when the process ends."""
        if self.closed or seconds <= 0:
            return
        waiter = (seen, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(job_id, set()).add(waiter)
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        try:
            async with asyncio.timeout(seconds):
                await waiter[1]
        except TimeoutError:
            return
        finally:
            self._leave(job_id, waiter)

    def close(self) -> None:
        """Wake everybody who waits, now and from now on."""
        self.closed = True
        for waiters in self._waiting.values():
            for _, future in waiters:
                if not future.done():
                    future.set_result(None)

    def _leave(self, job_id: str, waiter: tuple[int, asyncio.Future[None]]) -> None:
        waiters = self._waiting.get(job_id, set())
        waiters.discard(waiter)
        if not waiters:
            self._waiting.pop(job_id, None)

    async def _poll(self) -> None:
        while self._waiting:
            asked = list(self._waiting)
            versions = await run_sync(self._versions, asked)
            for job_id in asked:
                newest = versions.get(job_id)
                for seen, future in self._waiting.get(job_id, ()):
                    # a job that is gone counts as changed
                    if (newest is None or newest > seen) and not future.done():
                        future.set_result(None)
            await asyncio.sleep(self._poll_seconds)
