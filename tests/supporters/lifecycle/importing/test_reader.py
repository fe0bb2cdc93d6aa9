from __future__ import annotations

import csv
import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supporters.errors import BadInput
from supporters.lifecycle.importing.reader import LONGEST_CELL, BadFile, Table, clean


def read(content: bytes) -> tuple[list[str], list[tuple[int, list[str]]]]:
    table = Table(io.BytesIO(content), name="people.csv")
    return table.columns, list(table.rows())


TEXT = "naam;plaats\r\nZoë;’s-Gravenhage\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_usual_encodings_are_read(encoding: str) -> None:
    assert read(TEXT.encode(encoding)) == (["naam", "plaats"], [(2, ["Zoë", "’s-Gravenhage"])])


def test_big_endian_utf_16_is_read() -> None:
    assert read(b"\xfe\xff" + TEXT.encode("utf-16-be"))[0] == ["naam", "plaats"]


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_are_found(delimiter: str, end: str) -> None:
    content = end.join([f"a{delimiter}b", f'"1{delimiter}x"{delimiter}2', ""]).encode()
    assert read(content) == (["a", "b"], [(2, [f"1{delimiter}x", "2"])])


def test_a_line_that_says_the_delimiter_is_obeyed() -> None:
    assert read(b"sep=;\r\na,b;c\r\n1;2\r\n") == (["a,b", "c"], [(3, ["1", "2"])])


def test_a_delimiter_in_a_quoted_name_of_a_column_does_not_count() -> None:
    assert read(b'"a,b,c";d\n1;2\n')[0] == ["a,b,c", "d"]


def test_lines_are_numbered_as_an_editor_does() -> None:
    content = b'\n\na;b\n\n"two\nlines";2\n;\n3;4\n'
    assert read(content) == (["a", "b"], [(5, ["two\nlines", "2"]), (8, ["3", "4"])])


def test_empty_columns_at_the_end_are_left_out_and_short_rows_filled_up() -> None:
    assert read(b"a;b;;\n1;2;;\n3\n") == (["a", "b"], [(2, ["1", "2"]), (3, ["3", ""])])


def test_what_a_row_has_too_much_is_kept_for_its_message() -> None:
    assert read(b"a,b\n1,2,3\n")[1] == [(2, ["1", "2", "3"])]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('="007"', "007"),
        ("'0612345678", "0612345678"),
        ("'+31612345678", "+31612345678"),
        ("'t Hooft", "'t Hooft"),
        ("'s-Gravenhage", "'s-Gravenhage"),
        ("\u00a0 x \u200b", "x"),
        ("e\u0301", "é"),
        ("'", "'"),
    ],
)
def test_what_spreadsheets_put_around_a_value_is_taken_off(cell: str, text: str) -> None:
    assert clean(cell) == text


def test_quoted_formulas_are_read_as_their_text() -> None:
    assert read(b'a;b\n="007";"=""008"""\n')[1] == [(2, ["007", "008"])]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\n\r\n  \n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel workbook"),
        (b"a;b\n1;\x002\n", "Line 2 holds a NUL byte"),
        (b"a;b\n1;\x81\n", "encoding"),
        (b"\xff\xfea\x00\n\x00\x00", "encoding"),
        (b'a;b\n1;2\n3;"4\n5;6\n', "opened on line 3, in column “b”"),
        (b'a;b\n1;2\n3;"4"5"\n', "line 3"),
        (b"a;b\n1;" + b"x" * 20_000 + b"\n", "line 2 in column “b” is longer than 10000"),
        (b"a;b\n1;2\n3;" + b"x" * 10_000_000 + b";5\n", "line 3 in column “b” is longer than 10000"),
        (b'a;b\n1;"' + b"x\n" * 5_000_000 + b'";5\n', "line 2, in column “b”, is longer than 10000"),
        (b'a;b\n1;"' + b"x" * 10_000_000 + b'";5\n', "line 2, in column “b”, is longer than 10000"),
        (b"x" * 2_000_000, "longer than"),
        (b";".join(b"c%d" % n for n in range(501)), "501 columns"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_cannot_be_read_is_refused_with_its_place(content: bytes, says: str) -> None:
    with pytest.raises(BadFile) as caught:
        read(content)
    assert says in caught.value.message
    assert len(caught.value.message) < 300


def test_a_large_file_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("a;b\n")
        file.writelines(f"{number};{'x' * 200}\n" for number in range(50_000))
    tracemalloc.start()
    try:
        table = Table(path)
        assert sum(1 for _ in table.rows()) == 50_000
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
        assert table.position == table.size == path.stat().st_size
    finally:
        tracemalloc.stop()


@given(st.binary(max_size=400))
def test_any_bytes_are_rows_or_refused(content: bytes) -> None:
    try:
        columns, rows = read(content)
    except BadInput as error:
        assert error.message
    else:
        assert columns
        for _, cells in rows:
            assert len(cells) >= len(columns)
            assert all(len(cell) <= LONGEST_CELL for cell in cells)


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20), min_size=3, max_size=3)
    ),
    st.sampled_from(";,\t"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_a_csv_writer_writes_is_read_back(rows: list[list[str]], delimiter: str, encoding: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerows([["a", "b", "c"], *rows])
    _, found = read(out.getvalue().encode(encoding))
    wanted = [[clean(cell) for cell in row] for row in rows]
    assert [cells for _, cells in found] == [row for row in wanted if any(row)]
