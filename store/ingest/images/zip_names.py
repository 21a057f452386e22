"""Which entries of an archive are taken, by their names and kinds alone. A name is a label here, never a path."""

import re
import stat
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from store.ingest.errors import IngestError, problem
from store.ingest.images.zip_directory import Entry
from store.ingest.inference import SHOWN
from store.ingest.names import BIDI

NAME_BYTES = 1024
SYSTEM_FOLDER = "__MACOSX"
SYSTEM_FILES = {"thumbs.db", "desktop.ini"}
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True)
class Chosen:
    """``entries``: the files, by name; ``ignored``: how many were left out as hidden or the operating system's."""

    entries: dict[str, Entry]
    ignored: int


def choose(entries: Sequence[Entry]) -> Chosen:
    """The files of an archive under their names in Unicode's composed form (NFC). Folders of their own are no files.

    Raises:
        IngestError: 422 ``unsafe-entry-name``, ``unsafe-entry-type`` or ``duplicate-entry``, the first ``SHOWN`` of them.
    """
    _refuse([_unsafe(entry) for entry in entries])
    files = [entry for entry in entries if not entry.name.endswith("/")]
    kept = [entry for entry in files if not _is_junk(entry.name)]
    found: dict[str, Entry] = {}
    folded: dict[str, str] = {}
    problems = []
    for entry in kept:
        name = unicodedata.normalize("NFC", entry.name)
        other = folded.setdefault(name.casefold(), entry.name)
        if name in found or other != entry.name:
            detail = f"expected entries of different names, in lower case too, found two like {other[-64:]!r}"
            problems.append(problem("duplicate-entry", detail, entry=entry.name))
        found[name] = entry
    _refuse(problems)
    return Chosen(found, len(files) - len(kept))


def _refuse(problems: Sequence[dict[str, object] | None]) -> None:
    found = [told for told in problems if told is not None]
    if found:
        raise IngestError(found[:SHOWN])


def _unsafe(entry: Entry) -> dict[str, object] | None:
    if fault := _fault(entry.name):
        return problem("unsafe-entry-name", f"expected entry names {fault}", entry=entry.name)
    kind = stat.S_IFMT(entry.mode)
    allowed = (0, stat.S_IFDIR) if entry.name.endswith("/") else (0, stat.S_IFREG)
    if kind not in allowed:
        detail = "expected files and folders, found a link, a device or another special file"
        return problem("unsafe-entry-type", detail, entry=entry.name)
    return None


def _fault(name: str) -> str | None:
    if any(unicodedata.category(letter) in ("Cc", "Cs") or letter in BIDI for letter in name):
        return "without control characters"
    if "\\" in name:
        return "whose folders are parted by /, not by a backslash"
    if name.startswith("/") or _DRIVE.match(name):
        return "that begin at the archive's own root"
    if {"", ".", ".."} & set(name.removesuffix("/").split("/")):
        return "without empty parts, . and .."
    if len(name.encode()) > NAME_BYTES:
        return f"of at most {NAME_BYTES} bytes"
    return None


def _is_junk(name: str) -> bool:
    parts = name.split("/")
    hidden = any(part.startswith(".") for part in parts)
    return hidden or SYSTEM_FOLDER in parts or parts[-1].casefold() in SYSTEM_FILES
