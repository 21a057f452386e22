"""Part A: CSV uploads (rows 1 to 29; 17 to 19, 22 and 23 stand with the jobs and predictions that they concern)."""

from typing import Any

from tests.app.bad_input.case import Case, Send, both, types, warns
from tests.app.tenant import CSV


def csv(content: bytes, **params: str) -> Send:
    return lambda world: world.tenant.client.post("/v1/datasets", content=content, headers=CSV, params=params)


def column(name: str, **expected: Any):
    """The described column has these entries."""

    def check(answer: dict[str, Any]) -> None:
        found = next(one for one in answer["columns"] if one["name"] == name)
        assert expected.items() <= found.items(), f"expected {expected}, found {found}"

    return check


def rows(count: int):
    def check(answer: dict[str, Any]) -> None:
        assert answer["rows"] == count

    return check


def names(*expected: str):
    def check(answer: dict[str, Any]) -> None:
        assert tuple(one["name"] for one in answer["columns"]) == expected

    return check


IDS = b"id,y\n" + b"".join(b"%d,%d\n" % (2**53 + 2 * i + 1, i) for i in range(40))

CASES = [
    Case(1, "", csv(b""), 422, "empty-file"),
    Case(2, "", csv(b"a,b\n"), 422, "no-rows"),
    Case(3, "", csv(b"\xef\xbb\xbfa,b\n1,2\n3,4\n"), 201, check=names("a", "b")),
    Case(4, "utf-16", csv("a,b\n1,2\n".encode("utf-16")), 422, "encoding-invalid"),
    Case(4, "latin-1", csv(b"a,b\nM\xfcller,2\nx,3\n"), 422, "encoding-invalid"),
    Case(5, "", csv(b"a,b\n1,2\n3\x00,4\n"), 422, "invalid-character"),
    Case(6, "more", csv(b"a,b\n1,2\n3,4,5\n"), 422, "ragged-row"),
    Case(6, "fewer", csv(b"a,b\n1,2\n3\n"), 422, "ragged-row"),
    Case(7, "", csv(b"a;b\n1;2\n3;4\n"), 422, "single-column"),
    Case(8, "", csv(b'a,b\n1,"2\n' + b"3,4\n" * 1000), 422, "unterminated-quote"),
    Case(9, "same", csv(b"a,b,a\n1,2,3\n"), 422, "duplicate-column"),
    Case(9, "after-trim", csv(b"a,b, a \n1,2,3\n"), 422, "duplicate-column"),
    Case(10, "empty", csv(b"a,,c\n1,2,3\n"), 422, "invalid-column-name"),
    Case(10, "long", csv(b"a," + b"n" * 10_000 + b"\n1,2\n"), 422, "invalid-column-name"),
    Case(10, "control", csv(b"a,b\x07\n1,2\n"), 422, "invalid-column-name"),
    Case(10, "proto", csv(b"a,__proto__\n1,2\n"), 422, "invalid-column-name"),
    Case(10, "emoji", csv("a,\N{GRAPES}\n1,2\n3,4\n".encode()), 201, check=names("a", "\N{GRAPES}")),
    Case(11, "", csv(b",".join(b"c%d" % i for i in range(10_000)) + b"\n"), 422, "too-many-columns"),
    Case(12, "", csv(b"a,b\n1," + b"x" * 70_000 + b"\n"), 422, "cell-too-large"),
    Case(13, "empty-cells", csv(b"a,y\n1,2\n2,\n3,4\n"), 201, check=both(rows(3), column("y", missing=1))),
    Case(13, "infinite", csv(b"a,y\n1,2\n2,inf\n3,4\n"), 422, "non-finite-value"),
    Case(14, "nan", csv(b"a,y\n1,2\nNaN,3\n3,4\n"), 201, check=column("a", type="number", missing=1)),
    Case(14, "infinite", csv(b"a,y\n1,2\n-inf,3\n3,4\n"), 422, "non-finite-value"),
    Case(15, "", csv(b"a,b,c\n1,,5\n2,,5\n3,,5\n"), 201, check=warns("all-missing-column", "constant-column")),
    Case(16, "1e308", csv(b"a,y\n1,2\n1e308,3\n"), 422, "out-of-range"),
    Case(16, "1e400", csv(b"a,y\n1,2\n1e400,3\n"), 422, "non-finite-value"),
    Case(16, "minus-inf", csv(b"a,y\n1,2\n-Infinity,3\n"), 422, "non-finite-value"),
    Case(20, "inferred", csv(b"a,y\n3,1\nthree,2\n4,3\n"), 201, check=both(types(a="category"), warns("mixed-types"))),
    Case(20, "declared", csv(b"a,y\n3,1\nthree,2\n", types="a:number"), 422, "not-numeric"),
    Case(21, "", csv(IDS), 201, check=both(types(id="category"), warns("high-cardinality"))),
    Case(24, "", csv(b"a,b\n" + b"1,2\n" * 1_200_000), 413, "upload-too-large"),
    Case(25, "", csv(b"a,y\n=cmd(),1\nx,2\n"), 201, check=types(a="category")),
    Case(26, "cr-only", csv(b"a,b\r1,2\r3,4\r"), 201, check=both(names("a", "b"), rows(2))),
    Case(26, "blank-lines", csv(b"a,b\n\n1,2\n\n3,4\n\n"), 201, check=both(names("a", "b"), rows(2))),
    Case(26, "trailing-delimiter", csv(b"a,b\n1,2,\n3,4,\n"), 422, "ragged-row"),
    Case(27, "thousands", csv(b"a,y\n1 000,1\n2 000,2\n"), 201, check=types(a="category")),
    Case(27, "currency", csv("a,y\n€5,1\n7,2\n€9,3\n".encode()), 201, check=both(types(a="category"), warns("mixed-types"))),
    Case(27, "decimal-comma", csv(b'a;y\n"1,5";1\n"2,5";2\n', delimiter=";", decimal=","), 201, check=types(a="number")),
    Case(27, "yes-no", csv(b"a,y\nyes,1\nno,2\nyes,3\n"), 201, check=types(a="boolean")),
    Case(27, "declared", csv(b"a,y\n1 000,1\n2,2\n", types="a:number"), 422, "not-numeric"),
    Case(28, "iso", csv(b"a,y\n2024-01-02,1\n2024-01-03,2\n"), 201, check=types(a="date")),
    Case(28, "ambiguous", csv(b"a,y\n01/02/03,1\n02/03/04,2\n"), 201, check=both(types(a="category"), warns("ambiguous-date"))),
    Case(28, "declared", csv(b"a,y\n01/02/03,1\n02/03/04,2\n", types="a:date"), 422, "not-a-date"),
]  # fmt: skip
