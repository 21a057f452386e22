"""A recipe whose ``mode`` selects every way in which an attempt can end."""

import ctypes
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from worker.child import PipeChannel


class Impatient(Exception):
    """Nobody answered within the toy's patience."""


def run(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    """End as ``order["spec"]["mode"]`` says."""
    channel.started({"version": "toy", "torch": "none", "device": "cpu", "threads": order["threads"]})
    return MODES[order["spec"]["mode"]](order, channel)


def succeed(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    channel.progress({"fraction": 0.5, "phase": "training", "epoch": 1, "epochs": 2})
    channel.metrics([{"name": "train/loss", "task": None, "step": step, "value": 1 / (1 + step)} for step in range(3)])
    channel.log("warning", "a word for the operator")
    return {"outcome": "succeeded", "files": _files(predictions=True)}


def succeed_without_files(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    return {"outcome": "succeeded", "files": {"model": "model.safetensors", "result": "result.json"}}


def fail(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    error = {"code": "constant-target", "message": "The target has one value.", "param": "/tasks/0", "category": "user"}
    return {"outcome": "failed", "error": {**error, "retryable": False}}


def blow_up(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    raise ZeroDivisionError("a bug of the recipe")


def exhaust(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    raise MemoryError


def leave(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    sys.exit(7)


def segfault(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    ctypes.string_at(0)
    raise AssertionError("unreachable")


def abort(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    os.abort()


def kill_itself(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def ignore_stop(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    channel.progress({"fraction": 0.1, "phase": "training"})
    threading.Event().wait(120)
    raise Impatient


def heed_stop(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    """Checkpoint, then do what the order to stop says."""
    at = int(Path(order["checkpoints"][0]).stem.split("-")[1]) if order["checkpoints"] else 0
    if at:
        channel.resumed(at)
    if at >= 2:
        return succeed(order, channel)
    _checkpoint(order, channel, at + 1)
    reason = _stop(channel)
    if reason == "preempt":
        return {"outcome": "preempted"}
    return {"outcome": "cancelled", "files": _files(predictions=False) if reason == "keep_best" else {}}


def crash_once(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    """Die after a checkpoint; with one, succeed."""
    if not order["checkpoints"]:
        _checkpoint(order, channel, 1)
        kill_itself(order, channel)
    channel.resumed(1)
    return succeed(order, channel)


def speak_too_long(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    channel._pipe.send_bytes(b" " * (2 * 1024 * 1024))
    return ignore_stop(order, channel)


def speak_garbage(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    channel._pipe.send_bytes(b"\x80\x04\x95")
    return ignore_stop(order, channel)


def name_a_class_like_an_escape(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    """The six characters of an escape, as a cell may hold them, and an escaped backslash before them."""
    return {"outcome": "succeeded", "files": {**_files(predictions=True), "result": _result(r"\u0000 \\\u0000")}}


def name_a_nul(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    return {"outcome": "succeeded", "files": {**_files(predictions=True), "result": _result("\\\0")}}


def name_two_tasks_alike(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    """A result that the child's supervisor takes and no database does."""
    return {"outcome": "succeeded", "files": {**_files(predictions=True), "result": _result("y", "y")}}


def name_many_tasks(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    return {"outcome": "succeeded", "files": {**_files(predictions=True), "result": _result(*map(str, range(51)))}}


def claim_a_foreign_file(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    Path("model.safetensors").symlink_to("/etc/hostname")
    return {"outcome": "succeeded", "files": {"model": "model.safetensors", "result": _result()}}


def tell_its_world(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    """Log what a child can see of its surroundings."""
    threads = [thread.name for thread in threading.enumerate()]
    core = resource.getrlimit(resource.RLIMIT_CORE)
    world = {
        "core": core,
        "environment": dict(os.environ),
        "cwd": str(Path.cwd()),
        "session": os.getsid(0),
        "pid": os.getpid(),
    }
    loaded = [name for name in ("celery", "sqlalchemy", "store") if name in sys.modules]
    channel.log("info", json.dumps({**world, "loaded": loaded, "threads": threads}))
    return fail(order, channel)


def tell_its_models(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    """Log which models it may ask, and where they lie."""
    channel.log("info", "\n".join(f"{key} {path}" for key, path in order["models"].items()))
    return fail(order, channel)


def start_a_helper(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    """Leave a process behind, as a library might."""
    helper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    channel.log("info", str(helper.pid))
    return ignore_stop(order, channel)


MODES = {
    mode.__name__: mode
    for mode in (
        succeed,
        succeed_without_files,
        fail,
        blow_up,
        exhaust,
        leave,
        segfault,
        abort,
        kill_itself,
        ignore_stop,
        heed_stop,
        crash_once,
        speak_too_long,
        speak_garbage,
        name_a_class_like_an_escape,
        name_a_nul,
        name_two_tasks_alike,
        name_many_tasks,
        claim_a_foreign_file,
        tell_its_models,
        tell_its_world,
        start_a_helper,
    )
}


def _stop(channel: PipeChannel) -> str:
    patience = time.monotonic() + 60
    while time.monotonic() < patience:
        if channel.stop is not None:
            return channel.stop
        threading.Event().wait(0.01)
    raise Impatient


def _checkpoint(order: dict[str, Any], channel: PipeChannel, step: int) -> None:
    path = Path(order["checkpoint_folder"]) / f"checkpoint-{step}-{order['attempt']}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"state %d" % step)
    channel.checkpoint(step, str(path), hashlib.sha256(path.read_bytes()).hexdigest())


def _files(*, predictions: bool) -> dict[str, str]:
    Path("model.safetensors").write_bytes(b"weights")
    if not predictions:
        return {"model": "model.safetensors", "result": _result()}
    pq.write_table(pa.table({"row": [0.0, 1.0], "quality": [5.5, 6.0]}), "predictions.parquet")
    return {"model": "model.safetensors", "result": _result(), "predictions": "predictions.parquet"}


def _result(*names: str) -> str:
    figures = {"type": "regression", "verdict": "helped", "test": {"rmse": 0.6}}
    tasks = [{"name": name, **figures} for name in names or ("quality",)]
    model = {"kind": "multitask", "tasks": [], "inputs": [], "network": {}, "method": {}, "adaptable": True}
    result = {"summary": "Sharing helped.", "counts": {"helped": 1, "neutral": 0, "hurt": 0, "inconclusive": 0}}
    Path("result.json").write_text(json.dumps({"result": result, "tasks": tasks, "model": model}))
    return "result.json"
