"""The pages hold together: links lead somewhere, and the commands they name exist."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAKE = re.compile(r"(?:^|`)make ([a-z][a-z0-9-]+)", re.MULTILINE)
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_make_target_that_a_page_names_exists_and_help_lists_it():
    named = {target for page in PAGES for target in MAKE.findall(page.read_text(encoding="utf-8"))}
    known = set(re.findall(r"^([a-z][a-z0-9%-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    known |= {f"bench-{path.name.split('_')[0]}" for path in (ROOT / "benchmarks").glob("[a-z][0-9]*_*.py")}
    known |= {path.stem.replace("_", "-") for path in (ROOT / "benchmarks").glob("accept_*.py")}
    assert {"demo", "test", "up", "lint"} <= named <= known
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("demo", "up", "test", "lint", "bench", "accept", "clean"):
        assert re.search(rf"^{target} +\S", shown, re.MULTILINE)


def test_continuous_integration_runs_what_the_readme_names():
    script = (ROOT / ".ci" / "run").read_text()
    assert re.findall(r"^make (\w+)$", script, re.MULTILINE) == ["lint", "test"]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_every_example_page_is_run_by_a_test():
    journeys = (ROOT / "tests" / "journeys" / "test_examples.py").read_text()
    pages = [page.name for page in (ROOT / "docs" / "examples").glob("[0-9]*.md")]
    assert len(pages) == 11
    assert [page for page in pages if page not in journeys] == []


def test_every_decision_is_listed_and_has_the_parts_of_the_template():
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text()
    for page in sorted(folder.glob("*.md"))[1:-1]:
        text = page.read_text(encoding="utf-8")
        assert page.name in index
        assert [
            part for part in ("Status", "Context", "Decision", "Consequences", "Rejected") if f"*{part}" not in text
        ] == []
