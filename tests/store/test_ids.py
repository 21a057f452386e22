"""Ids carry their kind and their time."""

import re

from store.ids import PREFIXES, crockford, is_id, new_id, uuid7


def test_an_id_is_its_prefix_and_a_uuid_of_version_7_in_base_32():
    assert re.fullmatch(r"job_[0-7][0-9A-HJKMNP-TV-Z]{25}", new_id("job"))
    number = uuid7()
    assert (number >> 76) & 15 == 7
    assert (number >> 62) & 3 == 2


def test_ids_sort_by_birth_within_a_process():
    born = [new_id("dataset") for _ in range(5000)]
    assert born == sorted(set(born))


def test_base_32_leaves_out_the_letters_that_look_like_digits():
    assert crockford(0) == "0" * 26
    assert crockford(2**128 - 1) == "7" + "Z" * 25
    assert crockford(18 * 32 + 17, length=2) == "JH"


def test_only_an_id_of_the_kind_is_one():
    assert all(is_id(new_id(kind), kind) for kind in PREFIXES)
    good = new_id("job")
    for bad in (new_id("model"), good.lower(), good[:-1], good + "0", good + "\n", "job_" + "8" * 26, "", "job_"):
        assert not is_id(bad, "job")
