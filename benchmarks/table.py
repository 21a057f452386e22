"""Write the README's table of benchmarks from ``results/*.json``: no figure is typed by hand (a test compares the two)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.harness import RESULTS, Figure, shown

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = (
    "<!-- benchmarks: written by `python -m benchmarks.table`, from benchmarks/results -->",
    "<!-- end of benchmarks -->",
)


def main() -> None:
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    README.write_text(before + BEGIN + "\n" + table() + END + rest.split(END)[1], encoding="utf-8")


def table() -> str:
    """The table and the notes below it, as Markdown."""
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    lines = ["| | question | figure | measured | to reach | |", "|---|---|---|---|---|---|"]
    lines += [row for document in documents for row in _rows(document)]
    notes = [f"* **{document['name'].upper()}**: {note}" for document in documents for note in document["notes"]]
    made = sorted({f"{document['machine']['cores']} cores, {document['machine']['cpu']}" for document in documents})
    return "\n".join([*lines, "", *notes, f"* Made on {'; '.join(made)}.", ""]) if documents else ""


def _rows(document: dict[str, Any]) -> Iterator[str]:
    """A row for each figure; the question stands in the first."""
    verdicts = {True: "reached", False: "**missed**", None: ""}
    for number, line in enumerate(Figure(**made) for made in document["figures"]):
        head = ("", "") if number else (document["name"].upper(), document["question"])
        reach = "" if line.met is None else f"{line.reach} {line.unit}"
        yield "| " + " | ".join((*head, line.what, shown(line), reach, verdicts[line.met])) + " |"


if __name__ == "__main__":
    main()
