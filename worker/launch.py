"""The supervisor's side of a child: start it from the warm forkserver, hear it, stop it, kill it.

Measured: a child from the warm forkserver starts in some 20 ms; the first one pays for importing torch.
"""

import json
import multiprocessing
import os
import queue
import signal
import sys
import tempfile
import threading
import types
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from worker import child
from worker.child import KEPT_VARIABLES, THREAD_VARIABLES
from worker.messages import MAX_MESSAGE_BYTES, GarbledMessage, Message, Started, StopReason, read

#: A child's messages that may wait for the runner; beyond it the child waits.
_WAITING_MESSAGES = 256
_WARM_SECONDS = 120.0
# Of the 108 characters of a socket's path, what multiprocessing adds takes some 40.
_DEEPEST_FOLDER = 60


class PreloadFailed(Exception):
    """The forkserver did not import what every child needs; its own errors are silent, so a child is asked."""


@dataclass(frozen=True)
class Exited:
    """The child is gone. ``code`` is its exit status, or minus the signal that ended it."""

    code: int


@dataclass(frozen=True)
class Garbled:
    """The child sent something that is no message."""

    detail: str


Heard = Message | Garbled | Exited
Mailbox = queue.SimpleQueue[Any]


class Child:
    """One attempt's process. What it says arrives in the mailbox it was started with, its `Exited` last."""

    def __init__(self, process: ForkServerProcess, pipe: Connection, mailbox: Mailbox) -> None:
        self._process = process
        self._pipe = pipe
        self._mailbox = mailbox
        self._room = threading.BoundedSemaphore(_WAITING_MESSAGES)
        self._gone = False
        threading.Thread(target=self._listen, name=f"child-{process.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None, "a started process has a pid"
        return self._process.pid

    def stop(self, reason: StopReason) -> None:
        """Ask the child to end; it may have gone already."""
        with suppress(OSError):
            self._pipe.send_bytes(json.dumps({"type": "stop", "reason": reason}).encode())

    def kill(self) -> None:
        """End the child and everything in its session, now. Safe from any thread, and twice."""
        if self._gone:
            return  # its id may belong to a stranger by now
        with suppress(ProcessLookupError):  # not yet the leader of its session
            os.killpg(self.pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def handled(self) -> None:
        """Make room for one more message; called once for each that was taken from the mailbox."""
        self._room.release()

    def _listen(self) -> None:
        try:
            while True:
                wait([self._pipe, self._process.sentinel])
                if not self._pipe.poll():
                    break  # gone, and every word of it was read
                body = self._pipe.recv_bytes(MAX_MESSAGE_BYTES)
                self._room.acquire()
                self._mailbox.put(read(body))
        except GarbledMessage as error:
            self._mailbox.put(Garbled(str(error)))
        except (EOFError, OSError):
            if not self._pipe.readable:  # so Python marks a pipe that announced too large a message; else it broke
                self._mailbox.put(
                    Garbled(f"expected a message of at most {MAX_MESSAGE_BYTES} bytes, found a larger one")
                )
        self._process.join()
        self._gone = True
        self._pipe.close()
        self._mailbox.put(Exited(self._process.exitcode or 0))


class Launcher:
    """Starts children. One per worker process: the forkserver behind it belongs to the process."""

    def __init__(self, *, preload: Sequence[str], threads: int) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._preload = list(preload)
        self._threads = threads
        self._starting = threading.Lock()

    def start(self, assignment: Mapping[str, Any], mailbox: Mailbox) -> Child:
        """Start a child on ``assignment``, whose ``folder`` exists."""
        ours, theirs = self._context.Pipe(duplex=True)
        body = json.dumps({**assignment, "preload": self._preload, "threads": self._threads}).encode()
        process = self._context.Process(target=child.main, args=(theirs, body), daemon=True)
        with self._starting, _without_main():
            process.start()
        theirs.close()
        return Child(process, ours, mailbox)

    def warm(self, folder: Path) -> None:
        """Start the forkserver and one child that does nothing; call it before the process has other threads.

        Raises:
            PreloadFailed: a module that every child needs could not be imported.
        """
        with self._starting, _without_main(), _clean_environment(self._threads), _room_for_sockets():
            self._context.set_forkserver_preload([child.__name__, *self._preload])
            forkserver.ensure_running()
        mailbox: Mailbox = queue.SimpleQueue()
        self.start({"entry": f"{child.__name__}:{child.warm.__name__}", "folder": str(folder)}, mailbox)
        heard: list[Heard] = [mailbox.get(timeout=_WARM_SECONDS)]
        while not isinstance(heard[-1], Exited):
            heard.append(mailbox.get(timeout=_WARM_SECONDS))
        if not any(isinstance(message, Started) and message.preloaded for message in heard):
            raise PreloadFailed(f"expected {', '.join(self._preload)} in the forkserver, found {heard}")


@contextmanager
def _without_main() -> Iterator[None]:
    """Hide the main module: multiprocessing would import it again in each child (Celery, 0.3 s)."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _room_for_sockets() -> Iterator[None]:
    """Let the forkserver listen in /tmp where the temporary folder is too deep: the path of a socket ends at 108 characters."""
    configured = tempfile.tempdir
    if len(tempfile.gettempdir()) > _DEEPEST_FOLDER:
        tempfile.tempdir = "/tmp"  # noqa: S108  # multiprocessing makes a folder of its own there, mode 0700
    try:
        yield
    finally:
        tempfile.tempdir = configured


@contextmanager
def _clean_environment(threads: int) -> Iterator[None]:
    """Leave only what a child may know while the forkserver starts.

    Only for a process without other threads, since C libraries read the environment without a lock: a forkserver that
    is started anew later inherits everything, and `child.main` forgets it again.
    """
    everything = dict(os.environ)
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    os.environ.clear()
    os.environ.update({name: value for name, value in everything.items() if name in KEPT_VARIABLES})
    os.environ.update({"PYTHONPATH": path} | dict.fromkeys(THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(everything)
