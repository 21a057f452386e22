"""Write the README's table of benchmarks from ``results/*.json``: no figure is typed by hand (a test compares the two)."""

import json
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
    lines += [_row(document, Figure(**line)) for document in documents for line in document["figures"]]
    notes = [f"* **{document['name']}**: {note}" for document in documents for note in document["notes"]]
    made = sorted({f"{document['machine']['cores']} cores, {document['machine']['cpu']}" for document in documents})
    return "\n".join([*lines, "", *notes, f"* Made on {'; '.join(made)}.", ""]) if documents else ""


def _row(document: dict[str, Any], line: Figure) -> str:
    reach = f"{line.reach} {line.unit}".strip()
    cells = (
        document["name"],
        document["question"],
        line.what,
        shown(line),
        reach,
        "reached" if line.met else "**missed**",
    )
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
