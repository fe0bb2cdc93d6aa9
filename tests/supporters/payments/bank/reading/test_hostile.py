"""Files that are broken, or made to do harm: each gets a clear error with its place, in a memory that does not grow."""

from __future__ import annotations

import io
import re
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import Any

import pytest

from supporters.payments.bank.reading import read_statements, read_statuses, sniff
from supporters.payments.bank.told import BadBankFile, Tail
from tests.supporters.payments.bank.small_files import (
    ABN,
    ING,
    RABO,
    REJECTS,
    amount,
    balance,
    camt,
    details,
    entry,
    everyday,
    statement,
    statuses,
    told,
)

SECRET = "<!DOCTYPE Document [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
LAUGHS = (
    "<!DOCTYPE Document [<!ENTITY a0 'ha'>"
    + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10))
    + "]>"
)


class Endless(io.RawIOBase):
    """A stream of any size that is never in memory: a beginning, and then parts for as long as they last."""

    def __init__(self, make: Callable[[], Iterator[bytes]]) -> None:
        self._make, self._rest, self._parts = make, b"", make()
        self.read_so_far = 0

    def read(self, size: int = -1) -> bytes:
        while len(self._rest) < size and (part := next(self._parts, b"")):
            self._rest += part
        given, self._rest = self._rest[:size], self._rest[size:]
        self.read_so_far += len(given)
        return given

    def seek(self, offset: int, whence: int = 0) -> int:
        assert offset == whence == 0
        self._rest, self._parts = b"", self._make()
        return 0


def refusal(content: str | bytes | Endless, read: Callable[[Any], Any] = read_statements) -> str:
    stream = (
        content
        if isinstance(content, Endless)
        else io.BytesIO(content.encode() if isinstance(content, str) else content)
    )
    with pytest.raises(BadBankFile) as refused:
        list(read(stream))
    return str(refused.value)


@pytest.mark.parametrize("doctype", [SECRET, LAUGHS, "<!DOCTYPE Document SYSTEM 'http://example.org/x.dtd'>"])
@pytest.mark.parametrize("content", [everyday(), REJECTS])
def test_a_document_type_is_refused_before_anything_is_read(doctype: str, content: str) -> None:
    with_doctype = content.replace("<Document", f"{doctype}<Document", 1).replace("<MsgId>", "<MsgId>&x;")
    assert refusal(with_doctype).startswith("line 2: The file has a document type (DOCTYPE)")


def test_an_entity_that_nobody_declared_is_refused() -> None:
    assert refusal(everyday().replace("<Nm>D</Nm>", "<Nm>&x;</Nm>")).startswith(
        "line 8, statement 2, entry 1: The file is damaged here"
    )


HEAD, TAIL = (part.encode() for part in camt(statement("|")).split("|"))


TEXT = b"<Ntry><AddtlNtryInf>"
BALANCE = balance("OPBD", "1.00").encode()
OPENING, CLOSING = b":20:X\n:25:1\n:60F:C261123EUR1,00\n", b":62F:C261124EUR1,00\n"
ENTRY = OPENING + b":61:261124C1,00NTRF\n:86:"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: chain([HEAD], repeat(b"<Ntry>" * 1000, 300_000)), "More than 100 elements stand within each other"),
        (lambda: chain([HEAD], repeat(b"<x>" * 1000, 700_000)), "More than 100 elements stand within each other"),
        (lambda: repeat(b"<x>" * 1000, 700_000), "This is XML of another kind"),
        (lambda: chain([HEAD, TEXT], repeat(b"a" * 10_000, 200_000)), "one element is longer than 10000"),
        (lambda: chain([HEAD, TEXT], repeat(b"a\n" * 5_000, 200_000)), "one element is longer than 10000"),
        (lambda: chain([HEAD, TEXT, b"<![CDATA["], repeat(b"a" * 10_000, 200_000)), "one element is longer"),
        (lambda: chain([HEAD, b"<!--"], repeat(b"a" * 10_000, 200_000)), "One tag or comment is longer than"),
        (lambda: chain([HEAD, b"<"], repeat(b"a" * 10_000, 200_000)), "One tag or comment is longer than"),
        (lambda: chain([HEAD, b"<Ntry "], (b"a%d='x' " % n for n in range(10**8))), "One tag or comment is longer"),
        (lambda: chain([HEAD, b"<Ntry>"], repeat(TEXT[6:] + b"a</AddtlNtryInf>", 10**8)), "comes more than 500 times"),
        (lambda: chain([HEAD], repeat(BALANCE, 10**8)), "comes more than 1000 times"),
        (lambda: chain([ENTRY], repeat(b"a" * 10_000, 200_000)), "line 5: The line is longer than 10000"),
        (lambda: chain([ENTRY], repeat(b"a\n" * 1000, 10**6)), "line 505: One field has more than 500 lines."),
        (lambda: repeat(b" " * 10_000, 200_000), "The file is empty."),
        (lambda: chain([b"<"], repeat(b"\xff" * 10_000, 200_000)), "The file is damaged here"),
    ],
)
def test_two_gigabytes_of_malice_take_no_memory(make: Callable[[], Iterator[bytes]], words: str) -> None:
    stream = Endless(make)
    tracemalloc.start()
    try:
        assert words in refusal(stream)
        assert tracemalloc.get_traced_memory()[1] < 8e6
    finally:
        tracemalloc.stop()
    assert stream.read_so_far < 2e6


def test_a_large_file_takes_no_more_memory_than_a_small_one() -> None:
    one = details("<Refs><EndToEndId>E</EndToEndId></Refs>", amount("1.00"), "<RmtInf><Ustrd>gift</Ustrd></RmtInf>")
    several = entry("1.00", "CRDT", one).encode()
    single = entry("20000.00", "CRDT", "|").encode().split(b"|")
    padding = b"padding " * 30 + b"<x/>"
    makers: list[Callable[[int], Iterator[bytes]]] = [
        lambda count: chain([HEAD], repeat(several * 100, count), [TAIL]),
        lambda count: chain([HEAD, single[0]], repeat(one.encode() * 100, count), [single[1], TAIL]),
        lambda count: chain([HEAD, b"<Splmtry>"], repeat(padding * 100, count), [b"</Splmtry>", TAIL]),
        lambda count: chain([OPENING], repeat(b":61:261124C1,00NTRF\n:86:gift\n" * 400, count), [CLOSING]),
    ]
    for make in makers:
        peaks = []
        for count in (16, 48):  # by then every memory of what came before is full
            stream = Endless(lambda make=make, count=count: make(count))  # type: ignore[misc]
            tracemalloc.start()
            try:
                *_, last = deque(read_statements(stream), maxlen=1)
                peaks.append(tracemalloc.get_traced_memory()[1])
            finally:
                tracemalloc.stop()
            assert isinstance(last, Tail)
        assert peaks[1] < peaks[0] * 1.1 + 50_000


def test_padding_around_everything_is_passed_over() -> None:
    content = everyday().replace("><", ">" + " " * 20_000 + "<", 40)
    assert [each for each in told(content) if isinstance(each, Tail)]


# -- files that are cut off -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("content", "read"), [(everyday(), told), (REJECTS, statuses)])
def test_a_file_of_xml_cut_off_anywhere_is_refused(content: str, read: Callable[[bytes], list[Any]]) -> None:
    whole, complete = content.encode(), read(content.encode())
    end = len(whole.rstrip())
    for length in range(len(whole) + 1):
        if length >= end:
            assert read(whole[:length]) == complete
            continue
        with pytest.raises(BadBankFile) as refused:
            read(whole[:length])
        assert length < 40 or re.match(
            r"line \d+(, \w+ \d+)*: The file ends before it is complete", str(refused.value)
        ), length


@pytest.mark.parametrize("content", [RABO, ABN, ING, ABN + ABN, RABO + RABO])
def test_a_text_file_cut_off_anywhere_is_refused_or_has_lost_nothing_of_what_it_tells(content: str) -> None:
    """A file may well end after any statement: nothing in it says that another one should follow."""
    whole, complete = content.encode(), told(content)
    read = 0
    for length in range(len(whole) + 1):
        try:
            found = told(whole[:length])
        except BadBankFile:
            continue
        read += 1
        assert found == complete[: len(found)]
        assert isinstance(found[-1], Tail)
        assert whole[:length].rstrip().endswith((b",00", b"-", b"}"))
    assert read >= 1


# -- files that are something else ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b" \r\n\r\n", "The file is empty."),
        (b"<!DOCTYPE html>\n<html><body>Log in</body></html>", "a web page (HTML)"),
        (b"\n<HTML><head>", "a web page (HTML)"),
        (b"<html xmlns='http://www.w3.org/1999/xhtml'></html>", "a web page (HTML)"),
        (b"PK\x03\x04rest", "a zip file or an Excel workbook"),
        (b"\x1f\x8b\x08", "a compressed file (.gz)"),
        (b"%PDF-1.7", "a PDF"),
        (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)"),
        (b'"Datum","Naam","Bedrag"\n"20261124","A","1,00"\n', "a CSV file"),
        (b"Datum;Naam;Bedrag\n20261124;A;1,00\n", "a CSV file"),
        (b'{"entries": []}', "a JSON file"),
        (b"hello", "a file of a kind we do not know"),
        (b"\x00\x01\x02\xff", "a file of a kind we do not know"),
        (b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pain.008.001.08'><CstmrDrctDbtInitn/></Document>",
         "a collection file (pain.008), which goes to the bank"),
        (b"<Document><CstmrCdtTrfInitn/></Document>", "a file of payments to make (pain.001), which goes to the bank"),
        (b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.029.001.09'><RsltnOfInvstgtn/></Document>",
         "This is a camt.029.001.09, not a bank's statement"),
        (b"<feed><entry/></feed>", "XML of another kind"),
        (b"{1:F01X}{2:O9421}{4:\n:20:X\n:25:1\n", "an MT942"),
        (b":20:X\n:25:1\n:28C:1\n:34F:EUR0,\n:61:261124C1,00NTRF\n", "an MT942"),
    ],
)  # fmt: skip
def test_another_kind_of_file_is_named(content: bytes, words: str) -> None:
    said = refusal(content)
    assert words in said
    assert "ask the bank for CAMT.053 or MT940" in said or "empty" in said


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1", "windows-1252", "utf-8"])
def test_an_encoding_that_xml_declares_is_followed(encoding: str) -> None:
    content = everyday().replace("UTF-8", encoding).replace("A. de Boer", "A. dé Boer").encode(encoding)
    assert any("dé" in line.detail.name for line in told(content) if hasattr(line, "detail"))


@pytest.mark.parametrize("declared", ["utf-7", "ebcdic-cp-nl", "rot13", "hex", "idna", "x" * 5000])
def test_any_other_encoding_is_refused(declared: str) -> None:
    said = refusal(everyday().replace("UTF-8", declared))
    assert "a bank's file is in UTF-8" in said or "damaged" in said


def test_an_encoding_that_is_not_the_declared_one_is_refused_with_its_line() -> None:
    assert refusal(everyday().replace("A. de Boer", "A. dé Boer").encode("latin-1")).startswith(
        "line 4, entry 1: The file is damaged"
    )
    assert "line 1: The file is in UTF-16" in refusal(RABO.encode("utf-16"))


def test_a_stream_is_at_its_beginning_after_sniffing() -> None:
    for content in (everyday(), RABO, REJECTS):
        stream = io.BytesIO(content.encode())
        stream.seek(10)
        sniff(stream)
        assert stream.tell() == 0
        sniff(stream)
        list(read_statuses(stream) if content is REJECTS else read_statements(stream))
