"""Reading a CSV file as people have them: any usual encoding and delimiter, Excel's habits, in constant memory.

What cannot be read for sure is refused with the line, and never guessed.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from supporters.errors import BadInput

LONGEST_CELL = 10_000  # characters
LONGEST_LINE = 1_000_000
MOST_COLUMNS = 500
_CHUNK = 1 << 16
_DELIMITERS = ";\t,"

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NO_TEXT = (
    (b"PK\x03\x04", "an Excel workbook (.xlsx) or a zip file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)"),
    (b"%PDF", "a PDF"),
    (codecs.BOM_UTF32_LE, "text in UTF-32"),
)


class BadFile(BadInput):
    """The file as a whole cannot be read."""

    code = "bad_file"


class Table:
    """A CSV file: its ``columns`` and, as often as asked, its ``rows()``.

    ``source`` is a path or a seekable binary file, which stays open. Raises BadFile naming the line.
    """

    def __init__(self, source: Path | str | IO[bytes], *, name: str | None = None) -> None:
        self._source = source
        # A temporary file's name is a number, or there is none.
        known = source if isinstance(source, (str, Path)) else getattr(source, "name", None)
        self.name = name or (Path(known).name if isinstance(known, (str, Path)) else "")
        self.size = 0
        self.position = 0  # bytes read so far, for a progress bar
        self.encoding = self._find_encoding()
        self._first_line, self.delimiter = self._find_delimiter()
        self.columns = self._find_columns()

    # -- what kind of file --------------------------------------------------------------------------------------

    @contextmanager
    def _bytes(self) -> Iterator[IO[bytes]]:
        if isinstance(self._source, (str, Path)):
            with Path(self._source).open("rb") as file:
                yield file
        else:
            self._source.seek(0)
            yield self._source

    def _find_encoding(self) -> str:
        with self._bytes() as file:
            head = file.read(4)
        for mark, what in _NO_TEXT:
            if head.startswith(mark):
                raise BadFile("This is %(what)s, not a CSV file: save it as “CSV UTF-8” and import that.", what=what)
        candidates = [encoding for bom, encoding in _BOMS if head.startswith(bom)] or ["utf-8", "cp1252"]
        for encoding in candidates:
            if self._decodes(encoding):
                return encoding
        raise BadFile("This is not text in an encoding we know: save the file as “CSV UTF-8” and import that.")

    def _decodes(self, encoding: str) -> bool:
        decoder = codecs.getincrementaldecoder(encoding)()
        line, self.size = 1, 0
        with self._bytes() as file:
            while True:
                chunk = file.read(_CHUNK)
                self.size += len(chunk)
                try:
                    text = decoder.decode(chunk, final=not chunk)
                except UnicodeError:
                    return False
                if "\x00" in text:
                    line += text[: text.index("\x00")].count("\n")
                    raise BadFile(
                        "Line %(line)s holds a NUL byte, so this is not a CSV file, or it is damaged.", line=line
                    )
                line += text.count("\n")
                if not chunk:
                    return True

    def _find_delimiter(self) -> tuple[int, str]:
        """How many lines come before the header, and what stands between its cells."""
        with self._text() as file:
            try:
                for number, text in enumerate(_lines(file)):
                    line = text.strip("\r\n")
                    if said := re.fullmatch(r"\"?sep=([;,|:\t])\"?", line, re.IGNORECASE):
                        return number + 1, said[1]
                    if line.strip(" ,;\t"):
                        outside = re.sub(r'"[^"]*"', "", line)
                        return number, max(_DELIMITERS, key=outside.count)
            except _LineTooLong as error:
                raise BadFile("Line %(line)s is longer than %(most)s characters.", line=1, most=LONGEST_LINE) from error
        raise BadFile("The file is empty.")

    def _find_columns(self) -> list[str]:
        for line, cells in self._records():
            columns = [clean(cell) for cell in cells]
            while columns and not columns[-1]:
                columns.pop()
            if not columns:
                continue
            if len(columns) > MOST_COLUMNS:
                raise BadFile(
                    "The header has %(found)s columns; %(most)s is the most.", found=len(columns), most=MOST_COLUMNS
                )
            self._header_line = line
            return columns
        raise BadFile("The file is empty: it has no line with the names of the columns.")

    # -- what is in it ------------------------------------------------------------------------------------------

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each row with the line it begins on. Rows without anything in them are passed over.

        A short row is filled up with empty cells (Excel leaves them out); a long one keeps what it has too much.
        """
        width = len(self.columns)
        for line, cells in self._records():
            if line <= self._header_line:
                continue
            cells = [clean(cell) for cell in cells]
            while len(cells) > width and not cells[-1]:
                cells.pop()
            if any(cells):
                yield line, cells + [""] * (width - len(cells))

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        with self._text() as file:
            begun: list[str] = []  # the lines of the record that is being read
            number = size = 0

            def lines() -> Iterator[str]:
                nonlocal number, size
                for text in _lines(file):
                    number += 1
                    if number > self._first_line:
                        begun.append(text)
                        size += len(text)
                        if size > 2 * LONGEST_LINE:
                            raise _LineTooLong("")
                        yield text

            reader = csv.reader(lines(), delimiter=self.delimiter, strict=True)
            first = self._first_line + 1
            while True:
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    raise self._unreadable(first, "".join(begun), str(error)) from error
                except _LineTooLong as error:
                    raise self._unreadable(first, "".join([*begun, error.beginning]), "too long") from error
                if any(len(cell) > LONGEST_CELL for cell in cells):
                    column = next(at for at, cell in enumerate(cells) if len(cell) > LONGEST_CELL)
                    raise self._too_large(first, column)
                begun.clear()
                size = 0
                yield first, cells
                first = number + 1

    @contextmanager
    def _text(self) -> Iterator[io.TextIOWrapper]:
        with self._bytes() as file:
            text = io.TextIOWrapper(io.BufferedReader(_Counted(file, self), _CHUNK), encoding=self.encoding, newline="")
            self.position = 0
            try:
                yield text
            finally:
                text.detach().detach()

    # -- what went wrong ----------------------------------------------------------------------------------------

    def _unreadable(self, line: int, beginning: str, why: str) -> BadFile:
        column = 0
        quoted, length = False, 0
        for character in beginning:
            length += 1
            if character == '"':
                quoted = not quoted
            elif character == self.delimiter and not quoted:
                column, length = column + 1, 0
            if length > LONGEST_CELL and not quoted:
                return self._too_large(line, column)
        if quoted and length > LONGEST_CELL:
            return BadFile(
                "The cell that a quote (\") opens on line %(line)s, in column %(column)s, is longer than %(most)s "
                "characters, and no field is: make it shorter, or close the quote.",
                line=line, column=self._name(column), most=LONGEST_CELL,
            )  # fmt: skip
        if quoted:
            return BadFile(
                "A quote (\") that is opened on line %(line)s, in column %(column)s, is not closed: close it, or "
                "write it twice where it belongs to the text.",
                line=line, column=self._name(column),
            )  # fmt: skip
        if why == "too long":
            return BadFile("Line %(line)s is longer than %(most)s characters.", line=line, most=LONGEST_LINE)
        return BadFile(
            "The quotes (\") on line %(line)s do not fit: write a quote that belongs to the text twice, in a cell in "
            "quotes.",
            line=line,
        )  # fmt: skip

    def _too_large(self, line: int, column: int) -> BadFile:
        return BadFile(
            "The cell on line %(line)s in column %(column)s is longer than %(most)s characters; no field is.",
            line=line, column=self._name(column), most=LONGEST_CELL,
        )  # fmt: skip

    def _name(self, column: int) -> str:
        columns = getattr(self, "columns", [])
        return f"“{columns[column][:60]}”" if column < len(columns) else str(column + 1)


class _LineTooLong(Exception):
    def __init__(self, beginning: str) -> None:
        super().__init__("line too long")
        self.beginning = beginning


class _Counted(io.RawIOBase):
    """Any binary file for a text wrapper: what is read of it is counted, and it stays open."""

    def __init__(self, file: IO[bytes], table: Table) -> None:
        self.file, self.table = file, table

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        data = self.file.read(len(buffer))
        buffer[: len(data)] = data
        self.table.position += len(data)
        return len(data)


def _lines(file: io.TextIOWrapper) -> Iterator[str]:
    while line := file.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise _LineTooLong(line[: LONGEST_CELL * 20])
        yield line


def clean(cell: str) -> str:
    """The text of a cell without what spreadsheets put around it: ="007", a leading apostrophe, odd spaces."""
    if not cell.isascii():
        cell = unicodedata.normalize("NFC", cell.strip("\ufeff\u200b\u200e\u200f"))
    cell = cell.strip()
    if cell.startswith('="') and cell.endswith('"') and len(cell) > 2:
        return cell[2:-1].replace('""', '"').strip()
    if len(cell) > 1 and cell[0] == "'" and cell[1] in "0123456789+=-@":
        return cell[1:]
    return cell
