"""Write the README's table of benchmarks, and the page of its notes, from ``results/*.json``: no figure is typed by hand.

A test compares them.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import RESULTS, Figure, shown

README = Path(__file__).parents[1] / "README.md"
NOTES = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = (
    "<!-- benchmarks: written by `python -m benchmarks.table`, from benchmarks/results -->",
    "<!-- end of benchmarks -->",
)


def main() -> None:
    text, found = README.read_text(encoding="utf-8"), documents()
    before, rest = text.split(BEGIN)
    README.write_text(before + BEGIN + "\n" + table(found) + END + rest.split(END)[1], encoding="utf-8")
    NOTES.write_text(notes(found), encoding="utf-8")


def documents() -> list[dict[str, Any]]:
    """The results there are, by name."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))]


def table(found: Sequence[dict[str, Any]]) -> str:
    """A row for each figure, as Markdown."""
    lines = ["| | question | figure | measured | to reach | |", "|---|---|---|---|---|---|"]
    return "\n".join([*lines, *(row for document in found for row in _rows(document)), ""])


def notes(found: Sequence[dict[str, Any]]) -> str:
    """How to read the table: what was measured on what, and what a miss is due to."""
    lines = [
        "# Notes on the benchmarks",
        "",
        "What stands behind the table of the [README](../README.md), by `python -m benchmarks.table` from `benchmarks/results`.",
    ]
    for document in found:
        lines += ["", f"## {document['name'].upper()}: {document['question']}", ""]
        machine = document["machine"]
        lines += [f"* {note}" for note in (*document["notes"], f"Made on {machine['cores']} cores, {machine['cpu']}.")]
    return "\n".join([*lines, ""])


def _rows(document: dict[str, Any]) -> Iterator[str]:
    """A row for each figure; the question stands in the first."""
    verdicts = {True: "reached", False: "**missed**", None: ""}
    for number, line in enumerate(Figure(**made) for made in document["figures"]):
        head = ("", "") if number else (document["name"].upper(), document["question"])
        reach = "" if line.met is None else f"{line.reach} {line.unit}"
        yield "| " + " | ".join((*head, line.what, shown(line), reach, verdicts[line.met])) + " |"


if __name__ == "__main__":
    main()
