"""The README's calls, run as they are written against a real service."""

import json
import re

import pytest

from tests.journeys.pages import ROOT, run_python, run_shell

README = ROOT / "README.md"


@pytest.fixture
def variables(service):
    url, key = service
    return {"TASKGRAFT_URL": url, "TASKGRAFT_KEY": key}


@pytest.fixture
def folder(tmp_path):
    """What a reader stands in: a checkout, of which the calls read one file."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    return tmp_path


def documents(line):
    """The JSON documents that stand in a line, one behind the other."""
    read, at, found = json.JSONDecoder(), 0, []
    while at < len(line):
        document, at = read.raw_decode(line, at)
        found.append(document)
    return found


@pytest.mark.curl
def test_the_five_calls_lead_from_a_table_to_predictions_and_to_a_task_that_nobody_trained_for(variables, folder):
    printed = run_shell(README, folder=folder, variables=variables)
    assert '"status": "succeeded"' in printed
    by_post, by_get, adapted = documents(printed.splitlines()[-1])
    assert by_post["predictions"].keys() == {"cultivar", "colour", "flavanoids"}
    assert by_post["predictions"]["cultivar"]["labels"] == ["A"]
    assert by_get["predictions"]["colour"] == by_post["predictions"]["colour"]
    assert adapted["model"]["name"] == "premium"
    assert adapted["model"]["parents"] == [by_post["model"]]
    assert adapted["predictions"]["premium"]["labels"] == ["yes"]
    assert adapted["check"]["worth_it"]


def test_the_python_lines_do_the_same(variables, folder):
    printed = run_python(README, folder=folder, variables=variables)
    assert "'fraction': 1.0" in printed
    assert printed.splitlines()[-1].startswith("Sharing helped ")


def test_the_first_lines_name_the_two_commands_a_newcomer_needs():
    opening = README.read_text(encoding="utf-8").split("\n## ")[0]
    assert re.findall(r"^make (\w+)", opening, re.MULTILINE) == ["demo", "test"]
