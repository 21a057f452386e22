"""Where something is wrong is told so that a machine finds it, and in few words whatever was sent."""

from learning.errors import LONGEST_KEY, pointer_to


def test_a_pointer_names_keys_and_places():
    assert pointer_to() == ""
    assert pointer_to("tasks", 1, "a/b~c", "") == "/tasks/1/a~1b~0c/"


def test_a_key_longer_than_any_name_of_a_column_is_cut():
    assert pointer_to("x" * LONGEST_KEY) == "/" + "x" * LONGEST_KEY
    assert pointer_to("x" * 100_000, "y") == "/" + "x" * LONGEST_KEY + "…/y"
