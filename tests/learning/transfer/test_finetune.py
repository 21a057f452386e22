import pytest

from learning.transfer.finetune import Finetune

NAMES = [
    "trunk.embeddings.0.weight",
    "trunk.layers.0.weight",
    "trunk.layers.0.bias",
    "trunk.layers.1.weight",
    "trunk.layers.10.weight",
    "heads.weight",
    "heads.bias",
]


def test_by_default_everything_learns():
    assert Finetune().trainable(NAMES) == set(NAMES)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("head",), ["heads.weight", "heads.bias"]),
        (("trunk",), NAMES[:5]),
        (("trunk.layers",), NAMES[1:5]),
        (("trunk.layers.1",), ["trunk.layers.1.weight"]),
        (("trunk.layers.0", "head"), [*NAMES[1:3], *NAMES[5:]]),
        (("trunk.embeddings",), NAMES[:1]),
        ((), []),
    ],
)
def test_named_parts_learn_and_nothing_else(parts, expected):
    assert Finetune(parts=parts).trainable(NAMES) == set(expected)


def test_parts_that_are_not_there_are_known_by_their_place():
    assert Finetune(parts=("head", "trunk.layers.2", "heads", "trunk.")).unknown_parts(NAMES) == (1, 2, 3)
    assert Finetune(parts=("trunk", "head")).unknown_parts(NAMES) == ()
    assert Finetune().unknown_parts(NAMES) == ()


def test_it_adds_nothing_to_the_gradients():
    Finetune().add_gradient({}, {})
