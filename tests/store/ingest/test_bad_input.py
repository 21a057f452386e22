"""BAD_INPUT.md, parts A and B, as far as an upload decides: the number of the row is the id of the case."""

from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from store.ingest import IngestOptions, preview
from tests.store.ingest import parquet_bytes as made
from tests.store.ingest.conftest import COLUMNS, CSV, NDJSON, PARQUET

GOOD = b"colour,size\nred,1\nblue,2\n"


@dataclass(frozen=True)
class Refused:
    """``problem``: what the first problem says, beside its detail."""

    content: bytes
    code: str
    problem: dict = field(default_factory=dict)
    media_type: str = CSV
    status: int = 422
    options: dict = field(default_factory=dict)


def rows(*lines: str) -> bytes:
    return "\n".join(lines).encode() + b"\n"


def typed(values, storage) -> bytes:
    return made.parquet({"x": pa.array(values, storage)})


LONG = "y" * (64 * 1024 + 1)
REFUSED = {
    "1": Refused(b"", "empty-file"),
    "1-blank": Refused(b"\n\r\n", "empty-file"),
    "1-parquet": Refused(b"", "empty-file", media_type=PARQUET),
    "1-ndjson": Refused(b"", "empty-file", media_type=NDJSON),
    "1-json": Refused(b"", "empty-file", media_type=COLUMNS),
    "2": Refused(b"a,b\n", "no-rows"),
    "2-no-line-end": Refused(b"a,b", "no-rows"),
    "2-blank": Refused(b"a,b\n\n\n", "no-rows"),
    "2-json": Refused(b'{"columns":{"a":[]}}', "no-rows", media_type=COLUMNS),
    "10-surrogate-json": Refused(
        b'{"columns":{"\\ud800":[1,2]}}', "invalid-column-name", {"column": "\\ud800"}, media_type=COLUMNS
    ),
    "10-surrogate-ndjson": Refused(b'{"\\ud800":1}\n', "invalid-column-name", {"column": "\\ud800"}, media_type=NDJSON),
    "85-utf16-json": Refused(
        '{"columns":{"a":[1,2]}}'.encode("utf-16"), "invalid-json", media_type=COLUMNS, status=400
    ),
    "4-utf16": Refused("a,b\n1,2\n".encode("utf-16"), "encoding-invalid", {"byte_offset": 0}),
    "4-latin1": Refused("a,b\n1,é\n".encode("latin-1"), "encoding-invalid", {"byte_offset": 6, "actual": "0xe9"}),
    "4-cut": Refused("a,b\n1,é".encode()[:-1], "encoding-invalid", {"byte_offset": 6}),
    "4-charset": Refused(b"a,b\n1,2\n", "unsupported-media-type", media_type="text/csv; charset=utf-7", status=415),
    "5": Refused(b"a,b\n1,2\n3,\x00\n", "invalid-character", {"row": 2, "byte_offset": 10}),
    "6-fewer": Refused(rows("a,b,c", "1,2,3", "", "4,5"), "ragged-row", {"row": 2, "limit": 3, "actual": 2}),
    "6-more": Refused(rows("a,b", "1,2", "3,4", "5,6,7"), "ragged-row", {"row": 3, "limit": 2, "actual": 3}),
    "6-late": Refused(rows("a,b", *["1,2"] * 800_000, "5"), "ragged-row", {"row": 800_001}),
    "7": Refused(rows("a;b;c", "1;2;3"), "single-column", {"actual": ";"}),
    "7-tab": Refused(rows("a\tb", "1\t2"), "single-column", {"actual": "tab"}),
    "8": Refused(rows("a,b", "1,2", '3,"4', "5,6"), "unterminated-quote", {"row": 2}),
    "8-swallows": Refused(rows("a,b", '1,"2', 'x"y,4'), "unterminated-quote", {"row": 1}),
    "8-large": Refused(rows("a,b", '1,"2', *["3,4"] * 700_000), "unterminated-quote", {"row": 1}),
    "8-header": Refused(rows('a,"b', "1,2"), "unterminated-quote"),
    "9": Refused(rows("a,b,a", "1,2,3"), "duplicate-column", {"column": "a", "actual": 3}),
    "9-trimmed": Refused(rows("a, a ", "1,2"), "duplicate-column", {"column": "a"}),
    "9-composed": Refused(rows("\u00e9,e\u0301", "1,2"), "duplicate-column"),
    "10-empty": Refused(rows("a,,c", "1,2,3"), "invalid-column-name", {"actual": 2}),
    "10-long": Refused(rows("a," + "n" * 10_000, "1,2"), "invalid-column-name", {"column": "n" * 64}),
    "10-control": Refused(rows("a,b\x07", "1,2"), "invalid-column-name"),
    "10-bidi": Refused(rows("a,b\u202ec", "1,2"), "invalid-column-name"),
    "10-proto": Refused(rows("a,__proto__", "1,2"), "invalid-column-name", {"column": "__proto__"}),
    "10-json": Refused(b'{"columns":{"":[1]}}', "invalid-column-name", media_type=COLUMNS),
    "11": Refused(rows(",".join(f"c{i}" for i in range(10_000))), "too-many-columns", {"limit": 2000, "actual": 10_000}),
    "5-json": Refused(
        b'{"columns":{"n":[1,2],"a":["x","b\\u0000c"]}}', "invalid-character", {"row": 2, "column": "a"}, media_type=COLUMNS
    ),
    "5-ndjson": Refused(
        b'{"a":"x"}\n{"a":null}\n{"a":"\\u0000"}\n', "invalid-character", {"row": 3, "column": "a"}, media_type=NDJSON
    ),
    "5-parquet": Refused(made.parquet({"a": ["x", None, "b\0"]}), "invalid-character", {"row": 3, "column": "a"}, media_type=PARQUET),
    "5-parquet-codes": Refused(
        made.parquet({"a": pa.array(["x", "x", "b\0c"]).dictionary_encode()}), "invalid-character", {"row": 3, "column": "a"},
        media_type=PARQUET,
    ),
    "12": Refused(rows("a,b", "1,2", "1," + LONG), "cell-too-large", {"row": 2, "column": "b", "limit": 65_536}),
    "12-quoted": Refused(rows("a,b", f'1,"{LONG}"'), "cell-too-large", {"row": 1, "limit": 65_536}),
    "12-endless": Refused(b"a,b\n1," + b"y" * 3_000_000, "cell-too-large", {"row": 1}),
    "12-parquet": Refused(made.parquet({"a": [LONG]}), "cell-too-large", {"row": 1}, media_type=PARQUET),
    "12-ndjson": Refused(b'{"a":"%s"}' % LONG.encode(), "cell-too-large", {"row": 1}, media_type=NDJSON),
    "13": Refused(rows("a,b", "1,2", "inf,3"), "non-finite-value", {"row": 2, "column": "a", "actual": "inf"}),
    "14": Refused(rows("a,b", "1,Infinity"), "non-finite-value", {"row": 1, "column": "b"}),
    "14-parquet": Refused(made.parquet({"a": [1.0, float("inf")]}), "non-finite-value", {"row": 2}, media_type=PARQUET),
    "16-1e400": Refused(rows("a,b", "1,1e400"), "non-finite-value", {"row": 1, "actual": "1e400"}),
    "16-minus": Refused(rows("a,b", "1,-inf"), "non-finite-value", {"actual": "-inf"}),
    "16-1e308": Refused(rows("a,b", "1,2", "1,1e308"), "out-of-range", {"row": 2, "column": "b", "limit": 1e150}),
    "16-json": Refused(b'{"columns":{"a":[1,1e400]}}', "non-finite-value", {"row": 2}, media_type=COLUMNS),
    "16-nan-json": Refused(b'{"columns":{"a":[NaN]}}', "invalid-json", media_type=COLUMNS, status=400),
    "20": Refused(
        rows("a,b", "3,1", "three,2"), "not-numeric", {"row": 2, "column": "a", "actual": "three"},
        options={"types": {"a": "number"}},
    ),
    "24": Refused(
        rows(",".join(f"c{i}" for i in range(2000)), *["," * 1999] * 1001), "upload-too-large",
        {"limit": 2_000_000, "actual": 2_002_000}, status=413,
    ),
    "26-shifted": Refused(rows("a,b", "1,2,", "3,4,"), "ragged-row", {"row": 1}),
    "26-trailing": Refused(rows("a,b,", "1,2,", "3,4,5"), "invalid-column-name", {"actual": 3}),
    "27": Refused(rows("a,b", '1,"1,5"'), "not-numeric", {"actual": "1,5"}, options={"types": {"b": "number"}}),
    "27-currency": Refused(rows("a,b", "1,$3"), "not-numeric", {"actual": "$3"}, options={"types": {"b": "number"}}),
    "27-boolean": Refused(rows("a,b", "1,maybe"), "not-boolean", {"row": 1}, options={"types": {"b": "boolean"}}),
    "28": Refused(rows("a,b", "1,01/02/03"), "not-a-date", {"row": 1}, options={"types": {"b": "date"}}),
    "30-cut": Refused(made.parquet({"a": [1, 2]})[:-20], "file-corrupt", media_type=PARQUET),
    "30-random": Refused(bytes(range(128, 256)) * 8, "file-corrupt", media_type=PARQUET),
    "30-footer": Refused(b"PAR1" + b"\xff" * 64 + b"\x20\0\0\0PAR1", "file-corrupt", media_type=PARQUET),
    "31": Refused(made.broken_page(), "file-corrupt", {"actual": 0}, media_type=PARQUET),
    "31-checksum": Refused(made.wrong_checksum(), "file-corrupt", {"actual": 0}, media_type=PARQUET),
    "32-list": Refused(typed([[1]], pa.list_(pa.int64())), "unsupported-type", {"column": "x"}, media_type=PARQUET),
    "32-struct": Refused(typed([{"a": 1}], pa.struct([("a", pa.int8())])), "unsupported-type", media_type=PARQUET),
    "32-map": Refused(typed([[("a", 1)]], pa.map_(pa.string(), pa.int8())), "unsupported-type", media_type=PARQUET),
    "32-uuid": Refused(typed([b"0" * 16], pa.uuid()), "unsupported-type", media_type=PARQUET),
    "32-decimal256": Refused(typed([Decimal(1)], pa.decimal256(50)), "unsupported-type", media_type=PARQUET),
    "32-duration": Refused(typed([1], pa.duration("s")), "unsupported-type", media_type=PARQUET),
    "32-time": Refused(typed([1], pa.time32("s")), "unsupported-type", media_type=PARQUET),
    "32-binary": Refused(typed([b"1"], pa.binary()), "unsupported-type", media_type=PARQUET),
    "32-ndjson": Refused(
        b'{"a":1}\n{"a":[1]}\n', "unsupported-type", {"row": 2, "column": "a", "actual": "a list"}, media_type=NDJSON
    ),
    "32-no-object": Refused(b"null\n", "wrong-type", {"row": 1, "actual": "null"}, media_type=NDJSON),
    "32-no-columns": Refused(b'{"columns":7}', "wrong-type", {"actual": "a number"}, media_type=COLUMNS),
    "33": Refused(made.dictionary_bomb(), "decompressed-too-large", media_type=PARQUET),
    "33-rows": Refused(
        made.parquet({"a": np.zeros(2_000_001)}), "decompressed-too-large", {"limit": 2_000_000}, media_type=PARQUET
    ),
    "34": Refused(
        made.parquet({"a": list(range(10_001))}, row_group_size=1), "too-many-row-groups",
        {"limit": 10_000, "actual": 10_001}, media_type=PARQUET,
    ),
    "34-footer": Refused(made.large_footer(17 * 1024**2), "too-many-row-groups", media_type=PARQUET),
    "35": Refused(made.other_codec(), "unsupported-codec", {"actual": "LZO"}, media_type=PARQUET),
    "35-encrypted": Refused(b"PARE" + b"\1" * 64 + b"PARE", "unsupported-codec", media_type=PARQUET),
    "36": Refused(GOOD, "content-mismatch", media_type=PARQUET, status=415),
    "36-reverse": Refused(made.parquet({"a": [1]}), "content-mismatch", status=415),
    "36-zip": Refused(b"PK\x03\x04" + b"\0" * 40, "content-mismatch", media_type=NDJSON, status=415),
    "37-offsets": Refused(made.wrong_length(), "file-corrupt", media_type=PARQUET),
    "37-deadly": Refused(made.deadly_footer(), "file-corrupt", media_type=PARQUET),
    "37-utf8": Refused(made.wrong_text(), "file-corrupt", {"actual": 0}, media_type=PARQUET),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_is_wrong_is_refused_with_the_place_and_the_next_one_is_taken(upload, tmp_path, case):
    refusal = upload.refused(case.content, case.media_type, **case.options)
    first = refusal.problems[0]
    assert (refusal.status, first["code"]) == (case.status, case.code)
    assert {key: first.get(key) for key in case.problem} == case.problem
    assert str(tmp_path) not in str(refusal)
    assert upload(GOOD)["rows"] == 2


@dataclass(frozen=True)
class Accepted:
    """``types`` and ``values``: of the columns named; ``warnings``: the codes among all, each at its column's place."""

    content: bytes
    types: dict
    values: dict = field(default_factory=dict)
    warnings: tuple = ()
    media_type: str = CSV
    options: dict = field(default_factory=dict)


ACCEPTED = {
    "3": Accepted(b"\xef\xbb\xbfa,b\n1,2\n", {"a": "number"}, {"a": [1.0]}),
    "4-declared": Accepted("a,b\n1,é\n".encode("latin-1"), {}, {"b": ["é"]}, media_type="text/csv; charset=ISO-8859-1"),
    "4-utf16": Accepted("a,b\n1,é\n".encode("utf-16"), {}, {"b": ["é"]}, media_type="text/csv; charset=utf-16"),
    "5-escaped": Accepted(
        rows("a,b", r"1,\u0000", "2,x"), {"b": "category"}, {"b": [r"\u0000", "x"]}
    ),
    "10-emoji": Accepted(rows("a,👩‍🔬", "1,2"), {"👩‍🔬": "number"}),
    "13": Accepted(rows("a,y", "1,", "2,3"), {"y": "number"}, {"y": [None, 3.0]}),
    "14": Accepted(rows("a,x", "1,NaN", "2,nan", "3,1.5"), {"x": "number"}, {"x": [None, None, 1.5]}),
    "15": Accepted(
        rows("a,b,c", "1,,7", "2,,7"), {"b": "number"}, {"b": [None, None]},
        (("all-missing-column", "/columns/1"), ("constant-column", "/columns/2")),
    ),
    "20": Accepted(
        rows("a,b", "3,1", "three,2"), {"a": "category"}, {"a": ["3", "three"]}, (("mixed-types", "/columns/0"),)
    ),
    "20-late": Accepted(
        rows("a,b", *["3,1"] * 700_000, "three,2"), {"a": "category", "b": "number"}, {},
        (("mixed-types", "/columns/0"), ("duplicate-rows", "")),
    ),
    "20-json": Accepted(
        b'{"columns":{"a":[3,"three",true,null]}}', {"a": "category"}, {"a": ["3", "three", "true", None]},
        (("mixed-types", "/columns/0"),), COLUMNS,
    ),
    "21": Accepted(
        rows("id,x", "9007199254740993,1", "1,2"), {"id": "category"}, {"id": ["9007199254740993", "1"]},
        (("high-cardinality", "/columns/0"),),
    ),
    "21-zeros": Accepted(
        rows("zip,x", "00501,1", "10001,2"), {"zip": "category"}, {"zip": ["00501", "10001"]},
        (("high-cardinality", "/columns/0"),),
    ),
    "21-parquet": Accepted(
        made.parquet({"id": [2**53 + 1, None]}), {"id": "category"}, {"id": ["9007199254740993", None]},
        (("high-cardinality", "/columns/0"),), PARQUET,
    ),
    "21-json": Accepted(
        b'{"id":123456789012345678901234567890}\n', {"id": "category"}, {"id": ["123456789012345678901234567890"]},
        (("high-cardinality", "/columns/0"),), NDJSON,
    ),
    "21-fractions": Accepted(rows("a,b", "007,1", "1.5,2"), {"a": "number"}, {"a": [7.0, 1.5]}),
    "23": Accepted(rows("a,b", "1,2"), {"a": "number"}, {"a": [1.0]}),
    "25": Accepted(rows("a,b", "1,=cmd()", "2,@SUM(A1)"), {"b": "category"}, {"b": ["=cmd()", "@SUM(A1)"]}),
    "26-cr": Accepted(b"a,b\r1,2\r\r3,4\r", {}, {"a": [1.0, 3.0], "b": [2.0, 4.0]}),
    "26-crlf": Accepted(b'a,b\r\n1,"x\r\ny"\r\n\r\n3,z', {}, {"a": [1.0, 3.0], "b": ["x\r\ny", "z"]}),
    "26-trailing": Accepted(rows("a,b,", "1,2,", "3,4,"), {}, {"b": [2.0, 4.0]}, (("trailing-delimiter", ""),)),
    "26-blank-first": Accepted(b"\n\na,b\n1,2\n", {}, {"a": [1.0]}),
    "27": Accepted(rows("a,b", '1,"1,5"', "2,1 000"), {"b": "category"}, {"b": ["1,5", "1 000"]}),
    "27-decimal": Accepted(
        rows("a;b", '1;"1,5"', "2;-,5e1"), {"b": "number"}, {"b": [1.5, -5.0]},
        options={"delimiter": ";", "decimal": ","},
    ),
    "27-boolean": Accepted(rows("a,b", "1,yes", "2,No", "3,"), {"b": "boolean"}, {"b": [True, False, None]}),
    "28": Accepted(
        rows("a,b", "1,2026-01-31", "2,2026-01-31T12:00:00+02:00"), {"b": "date"},
        {"b": ["2026-01-31T00:00:00Z", "2026-01-31T10:00:00Z"]},
    ),
    "28-ambiguous": Accepted(
        rows("a,b", "1,01/02/03", "2,02/03/04"), {"b": "category"}, {"b": ["01/02/03", "02/03/04"]},
        (("ambiguous-date", "/columns/1"),),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_file_that_is_odd_is_taken_as_documented(upload, case):
    description = upload(case.content, case.media_type, **case.options)
    types = {column["name"]: column["type"] for column in description["columns"]}
    assert {name: types[name] for name in case.types} == case.types
    shown = preview(upload.target, 10)
    assert {name: [row[name] for row in shown] for name in case.values} == case.values
    said = [(warning["code"], warning["pointer"]) for warning in description["warnings"]]
    assert sorted(said) == sorted(case.warnings)


def test_the_first_five_rows_of_infinities_are_named(upload):
    for first in ("1", " 1"):  # white space sends the column another way
        cells = [first, "inf", "2", *["-inf"] * 4, "inf"]
        refusal = upload.refused(rows("a,b", *[f"{cell},x" for cell in cells]))
        assert [(problem["row"], problem["actual"]) for problem in refusal.problems] == [
            (2, "inf"), *[(row, "-inf") for row in (4, 5, 6, 7)]
        ]  # fmt: skip


def test_a_bomb_is_refused_within_the_memory_it_is_given(upload, pool, tmp_path):
    source = tmp_path / "bomb"
    source.write_bytes(made.dictionary_bomb())
    _, end = pool._ask(pool._request(source, PARQUET, IngestOptions(), tmp_path / "target"))
    assert end["exit"] == 0
    assert end["peak_bytes"] < 256 * 1024**2
