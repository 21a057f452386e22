"""The house rules that ruff and import-linter cannot see; `make lint` runs this page. The ban list: pyproject.toml."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("app", "learning", "migrations", "store", "taskgraft", "worker")
MAX_LINES = 250
NAMELESS = ("utils", "helpers", "common", "misc")
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__"}


def sources(*folders: str) -> list[Path]:
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def name(node: ast.expr) -> str:
    """``os.environ.get`` for the expression that reads so; empty for anything that is not a dotted name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{name(node.value)}.{node.attr}"
    return ""


def offences(file: Path, *, environment: bool) -> list[str]:
    """What the file does that D6 forbids: run text as code, unpickle arrays, and (where asked) read the environment."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            if name(node.func) in UNSAFE_CALLS:
                found.append(f"{name(node.func)}() at line {node.lineno}")
            found += [
                f"allow_pickle at line {node.lineno}"
                for keyword in node.keywords
                if keyword.arg == "allow_pickle"
                and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
            ]
        if (
            environment
            and isinstance(node, ast.expr)
            and name(node) in {"os.environ", "os.getenv", "environ", "getenv"}
        ):
            found.append(f"the environment at line {node.lineno}")
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_runs_text_as_code_or_unpickles_an_array(room):
    assert {str(file): found for file in sources(room) if (found := offences(file, environment=False))} == {}


def test_learning_reads_no_environment():
    assert {str(file): found for file in sources("learning") if (found := offences(file, environment=True))} == {}


def test_the_checks_above_see_what_they_look_for(tmp_path):
    guilty = tmp_path / "guilty.py"
    guilty.write_text("import os\neval('1')\nnumpy.fromfile('x', allow_pickle=True)\nos.environ['HOME']\n")
    assert offences(guilty, environment=True) == [
        "eval() at line 2",
        "allow_pickle at line 3",
        "the environment at line 4",
    ]


def test_no_module_is_longer_than_a_reader_can_hold():
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines())
        for file in sources(*ROOMS, "benchmarks")
    }
    assert {file: lines for file, lines in lengths.items() if lines > MAX_LINES} == {}


def test_every_file_is_named_for_what_it_holds():
    assert [file for file in sources(*ROOMS, "benchmarks", "tests") if file.stem.startswith(NAMELESS)] == []


def test_no_test_waits_by_the_clock_or_is_left_out():
    clock, left_out = "time." + "sleep(", ("mark." + "skip", "mark." + "xfail", "pytest." + "skip(")
    assert [
        file
        for file in sources("tests")
        if any(word in file.read_text(encoding="utf-8") for word in (clock, *left_out))
    ] == []
