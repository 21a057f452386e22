"""The bytes of a CSV file are judged alike wherever the blocks are cut."""

import pytest

from store.ingest import IngestError, csv_scan

CONTENTS = {
    "no quotes": (b"a,b\n1,2\n", (False, True)),
    "quoted cells": (b'a,"b"\n"x,y","z"\n', (True, True)),
    "doubled quotes": (b'a,b\n"he said ""no""",""\n', (True, True)),
    "a quote at the very end": (b'a,b\n1,"2"', (True, True)),
    "text behind a closing quote": (b'a,b\n"1"x,2\n', (True, False)),
    "a quote inside a cell": (b'a,b\n1x",2\n', (True, False)),
    "an open quote": (b'a,b\n"1,2\n', (True, False)),
}


@pytest.mark.parametrize(("content", "expected"), CONTENTS.values(), ids=CONTENTS.keys())
def test_quotes_are_followed_over_the_ends_of_blocks(tmp_path, monkeypatch, content, expected):
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    for size in range(1, len(content) + 1):
        monkeypatch.setattr(csv_scan, "BLOCK", size)
        found = csv_scan.scan(path, start=0, delimiter=",")
        assert (size, found.quoted, found.regular) == (size, *expected)


@pytest.mark.parametrize(
    ("content", "code", "offset"),
    [
        ("aé,b\n".encode() + b"1,\xe9\n", "encoding-invalid", 8),
        ("aé,b\n1,é".encode()[:-1], "encoding-invalid", 8),
        (b"a,b\n1,2\n3,\x00\n", "invalid-character", 10),
    ],
)
def test_the_byte_at_fault_is_found_over_the_ends_of_blocks(tmp_path, monkeypatch, content, code, offset):
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    for size in range(1, len(content) + 1):
        monkeypatch.setattr(csv_scan, "BLOCK", size)
        with pytest.raises(IngestError) as refusal:
            csv_scan.scan(path, start=0, delimiter=",")
        problem = refusal.value.problems[0]
        assert (size, problem["code"], problem["byte_offset"]) == (size, code, offset)
        assert problem.get("row") in (None, 2)
