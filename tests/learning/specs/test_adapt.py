"""What a job that adapts says, and what is refused."""

import pytest

from learning.errors import SpecError
from learning.specs.kinds import parse_spec


def test_targets_are_named_in_one_way():
    body = {"kind": "adapt", "model": "mdl_1", "support": "ds_1", "target": "y", "targets": ["y"]}
    with pytest.raises(SpecError) as caught:
        parse_spec(body)
    [problem] = caught.value.problems
    assert (problem.pointer, problem.code) == ("/targets", "extra-field")
    assert problem.detail == "expected either target or targets, found both"
