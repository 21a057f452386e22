"""Nothing of an adaptation stays behind (TARGETS A3)."""

import gc
import tracemalloc

import psutil
import pytest

from learning.adapting import adapter_of
from tests.learning.adapting.models import blobs, grouped, meta, one, support

ASKED = {name: values for name, values in blobs(3, 2, seed=5).items() if name != "y"}


def closed_form():
    adapter = adapter_of(grouped())
    columns = support(12, targets=("demand",))
    return lambda: one(adapter, columns, targets=("demand",))


def learned(method):
    adapter = adapter_of(meta({"name": method}))
    columns = blobs(3, 3)
    return lambda: one(adapter, columns, query=ASKED, check=False)


#: What one adaptation holds is more than this many bytes; what a leak of any of it would leave after so many calls.
LEAST, CALLS = 250, 200


@pytest.mark.parametrize(
    "make",
    [closed_form, lambda: learned("protonet"), lambda: learned("maml")],
    ids=["closed form", "protonet", "maml"],
)
def test_memory_is_flat_over_many_adaptations(make):
    adapt = make()
    for _ in range(50):
        adapt()
    gc.collect()
    process = psutil.Process()
    resident = process.memory_info().rss
    tracemalloc.start()
    try:
        for _ in range(20):
            adapt()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(CALLS):
            adapt()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < LEAST * CALLS
    assert process.memory_info().rss < 1.05 * resident + (8 << 20)
