"""The process that decoders are forked from: Arrow is loaded once, here, so a small upload costs milliseconds.

It holds no secret (the pool starts it with a clean environment), decodes nothing itself, and gives each file a process of
its own that ends with it. It listens on the control socket for ``(wall seconds, one descriptor)``; the descriptor is the
requester's socket, on which the child answers one line of JSON and this process adds a second one: how the child ended.
When the control socket closes, because the requester is gone, every child is killed.
"""

import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from store.ingest.child import rehearse, serve
from store.ingest.wire import READY, WALL


@dataclass
class _Child:
    """One decoder: where its requester listens, and when (monotonic seconds) its time is up."""

    requester: socket.socket
    deadline: float
    timed_out: bool = False


def main(descriptor: int) -> None:
    control = socket.socket(fileno=descriptor)
    waking, wakened = socket.socketpair()
    wakened.setblocking(False)
    waking.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole terminal; the requester decides here
    signal.set_wakeup_fd(wakened.fileno())
    rehearse()
    gc.freeze()  # the loaded modules stay shared with the children
    control.send(READY)
    children: dict[int, _Child] = {}
    try:
        for request in _requests(control, waking, children):
            _fork(*request, children, closing=[control, waking, wakened])
    finally:
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _requests(
    control: socket.socket, waking: socket.socket, children: dict[int, _Child]
) -> Iterator[tuple[socket.socket, float]]:
    """Each requester's socket and its wall seconds; between them, children are timed and reaped. Ends with the control."""
    while True:
        now = time.monotonic()
        waits = [child.deadline - now for child in children.values() if not child.timed_out]
        readable, _, _ = select.select([control, waking], [], [], max(0.0, min(waits)) if waits else None)
        if waking in readable:
            with suppress(BlockingIOError):
                waking.recv(4096)
        _reap(children)
        _kill_late(children)
        if control in readable:
            message, descriptors, _, _ = socket.recv_fds(control, WALL.size, 1)
            if not message:
                return
            yield socket.socket(fileno=descriptors[0]), WALL.unpack(message)[0]


def _fork(
    requester: socket.socket, wall_seconds: float, children: dict[int, _Child], *, closing: list[socket.socket]
) -> None:
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for other in [*closing, *(child.requester for child in children.values())]:
                other.close()
            serve(requester)
            status = 0
        finally:
            os._exit(status)
    children[pid] = _Child(requester, time.monotonic() + wall_seconds)


def _reap(children: dict[int, _Child]) -> None:
    while children:
        pid, status, usage = os.wait4(-1, os.WNOHANG)
        if pid == 0:
            return
        child = children.pop(pid)
        end = {
            "exit": os.waitstatus_to_exitcode(status),
            "timed_out": child.timed_out,
            "peak_bytes": usage.ru_maxrss * 1024,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
        }
        with suppress(OSError):  # the requester may have gone
            child.requester.sendall(b"\n" + json.dumps({"end": end}).encode() + b"\n")
        child.requester.close()


def _kill_late(children: dict[int, _Child]) -> None:
    for pid, child in children.items():
        if not child.timed_out and time.monotonic() >= child.deadline:
            child.timed_out = True
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]))
