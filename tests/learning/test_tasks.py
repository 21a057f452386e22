"""Where a task's head lies, and the text that names groups and classes."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.tasks import Layout, Slot, aligned_slots, key_text

SLOTS = st.sampled_from(
    [Slot("regression", 1), Slot("binary", 1), Slot("multiclass", 2), Slot("multiclass", 3), Slot("multiclass", 10)]
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (17.0, "17"), (17, "17"), (-0.0, "0"), (0.5, "0.5"), (1e300, "1e+300"), (float("nan"), "nan"),
        (True, "true"), (False, "false"), ("017", "017"), ("", ""),
        (datetime.fromisoformat("2024-03-01"), "2024-03-01"), (datetime.fromisoformat("2024-03-01T12:30"), "2024-03-01T12:30:00"),
    ],
)  # fmt: skip
def test_a_cell_has_one_text_as_a_key_whether_it_comes_from_a_table_or_from_json(value, text):
    assert key_text(value) == text


def test_the_outputs_of_a_head_lie_slot_after_slot():
    layout = Layout(4, (Slot("regression", 1), Slot("binary", 1), Slot("multiclass", 3), Slot("multiclass", 5)))
    assert (layout.units, layout.offsets) == (10, (0, 1, 2, 5))


@given(st.lists(st.lists(SLOTS, min_size=1, max_size=6), min_size=1, max_size=6))
def test_aligned_slots_give_every_target_a_slot_of_its_kind_of_its_own_and_are_as_few_as_can_be(sources):
    slots, places = aligned_slots(sources)
    for source, place in zip(sources, places, strict=True):
        assert [slots[index] for index in place] == source
        assert len(set(place)) == len(place)
    for kind in set(slots):
        assert slots.count(kind) == max(source.count(kind) for source in sources)


@given(st.lists(SLOTS, min_size=1, max_size=8))
def test_slots_stand_in_order_regression_then_binary_then_multiclass_by_classes(source):
    slots, _ = aligned_slots([source])
    rank = {"regression": 0, "binary": 1, "multiclass": 2}
    keys = [(rank[slot.type], slot.units) for slot in slots]
    assert keys == sorted(keys)
