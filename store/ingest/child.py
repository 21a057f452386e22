"""One decoder: takes its limits upon itself, decodes one file, answers one line of JSON, ends."""

import errno
import json
import os
import resource
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from store.ingest.column_statistics import column_statistics
from store.ingest.decode import decode
from store.ingest.errors import IngestError, refusal
from store.ingest.images.pixels import decode_image, encode_png
from store.ingest.inference import kind_of
from store.ingest.limits import IngestLimits, options_from_json
from store.ingest.text_cells import TextCells

OPEN_FILES = 256
TOO_LARGE = "expected a file whose decoded cells fit the memory of one upload"


def rehearse() -> None:
    """Does to a few cells and a picture what is done to every file: what is set up at first use is so before the fork.

    It halves the time of a small upload. Nothing here starts a thread, which a fork would lose.
    """
    for words in (["1", "2.5"], ["red", "blue"], ["2026-01-31", "2026-02-01"], ["yes", "no"]):
        cells = TextCells("rehearsal", pa.array(words), first_row=1, decimal=".", cell_bytes=64)
        kind = kind_of(cells.facts())
        values = cells.to(kind)
        column_statistics(kind, lambda values=values: [values])  # type: ignore[misc]
    decode_image(encode_png(np.zeros((8, 8, 1), dtype=np.uint8)), height=4, width=4, channels=3)


def serve(requester: socket.socket) -> None:
    """Reads the request from ``requester`` and answers it there."""
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # a dying library writes to them, and nobody here may read a path or a pointer
        os.dup2(silence, descriptor)
    with requester.makefile("rb") as lines:
        request = json.loads(lines.readline())
    limits = IngestLimits(**request["limits"])
    _confine(limits)
    requester.sendall(json.dumps(_answer(request, limits)).encode() + b"\n")


def _confine(limits: IngestLimits) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    for what, most in (
        (resource.RLIMIT_AS, pages * resource.getpagesize() + limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_FSIZE, limits.output_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    pa.set_cpu_count(limits.threads)
    pa.set_io_thread_count(limits.threads)


def _answer(request: dict[str, Any], limits: IngestLimits) -> dict[str, Any]:
    try:
        description = decode(
            Path(request["source"]),
            media_type=request["media_type"],
            options=options_from_json(request["options"]),
            target=Path(request["target"]),
            limits=limits,
        )
    except IngestError as error:
        return {"problems": error.problems, "status": error.status}
    except MemoryError:  # pyarrow's ArrowMemoryError is one
        return _refused(refusal("decompressed-too-large", TOO_LARGE, limit=limits.memory_bytes))
    except OSError as error:
        if error.errno == errno.EFBIG:
            return _refused(refusal("decompressed-too-large", TOO_LARGE, limit=limits.output_bytes))
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return {"errno": error.errno}
        return _refused(refusal("file-corrupt", "expected a file that can be decoded, found one that cannot be read"))
    except (pa.ArrowException, ValueError, RecursionError):
        # the last net under a parser that met what nobody foresaw; its words may hold paths, so they stay here
        return _refused(refusal("file-corrupt", "expected a file that can be decoded, found one that cannot"))
    return {"description": description}


def _refused(error: IngestError) -> dict[str, Any]:
    return {"problems": error.problems, "status": error.status}
