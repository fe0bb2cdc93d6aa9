"""What kind of file it is, from its content: a name or an extension says nothing."""

from __future__ import annotations

import re
from typing import IO

from supporters.payments.bank.reading import camt, pain002
from supporters.payments.bank.reading.xml import Node, Walk
from supporters.payments.bank.told import BadBankFile, Sniffed

_FIRST = 1 << 16
_MOST_ELEMENTS = 10_000
_NO_TEXT = (
    (b"PK\x03\x04", "a zip file or an Excel workbook"),
    (b"\x1f\x8b", "a compressed file (.gz)"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)"),
    (b"%PDF", "a PDF"),
)
_OTHER_MESSAGES = {
    "CstmrDrctDbtInitn": "a collection file (pain.008), which goes to the bank",
    "CstmrCdtTrfInitn": "a file of payments to make (pain.001), which goes to the bank",
    "html": "a web page (HTML)",
}
_NAMESPACE = re.compile(r"(?:camt|pain)\.\d{3}\.001\.\d\d")


def sniff(stream: IO[bytes]) -> Sniffed:
    """Say what the file is; the stream is at its beginning afterwards. Raises BadBankFile for what no bank sends."""
    stream.seek(0)
    first = stream.read(_FIRST)
    stream.seek(0)
    if not first.strip():
        raise BadBankFile("The file is empty.")
    for mark, what in _NO_TEXT:
        if first.startswith(mark):
            raise _another(what)
    text = _text(first)
    start = text.lstrip()
    if start.startswith("<"):
        if re.match(r"<(!doctype\s+html|html\b)", start, re.IGNORECASE):
            raise _another("a web page (HTML)")
        found = _sniff_xml(stream)
        stream.seek(0)
        return found
    return _sniff_text(text, start)


def _text(first: bytes) -> str:
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = first.decode("utf-16", "replace")
    else:
        text = first.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    return text.replace("\r", "\n")


def _another(what: str) -> BadBankFile:
    return BadBankFile(
        "This is %(what)s, not a bank's statement: ask the bank for CAMT.053 or MT940, and import that file as it is.",
        what=what,
    )


class _Found(Exception):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _sniff_xml(stream: IO[bytes]) -> Sniffed:
    named: list[str] = []
    nothing: list[None] = []
    elements = 0

    def around(attributes: list[str]) -> None:
        nonlocal elements
        elements += 1
        for name, value in zip(attributes[::2], attributes[1::2], strict=False):
            if name.startswith("xmlns") and (found := _NAMESPACE.search(value)):
                named.append(found.group())
        if elements > _MOST_ELEMENTS:
            raise _Found("")

    def finds(name: str) -> Node:
        def begin(attributes: list[str]) -> None:
            around(attributes)
            raise _Found(name)

        return Node(begin=begin)

    root = Node(begin=around)
    root.other = root
    for name in (*camt.MESSAGES, pain002.MESSAGE, *_OTHER_MESSAGES):
        root[name] = finds(name)
    message = ""
    try:
        for _ in Walk(stream, root).through(nothing):
            pass
    except _Found as found:
        message = found.name
    if message in _OTHER_MESSAGES:
        raise _another(_OTHER_MESSAGES[message])
    if not message:
        if not named:
            raise _another("XML of another kind")
        raise BadBankFile(
            "This is a %(format)s, not a bank's statement: ask the bank for CAMT.053 or MT940, and import that file as"
            " it is.",
            format=named[-1],
        )
    family = pain002.FAMILY if message == pain002.MESSAGE else camt.MESSAGES[message][2]
    version = named[-1] if named else ""
    if version.startswith(family):
        return Sniffed(version, family if family == pain002.FAMILY else "camt")
    note = f"It calls itself {version or 'nothing'}, and is built as {family}."
    return Sniffed(family, family if family == pain002.FAMILY else "camt", [note])


def _sniff_text(text: str, start: str) -> Sniffed:
    kind = re.search(r"\{2:[IO](\d{3})", text)
    if kind and kind[1] != "940":
        raise BadBankFile(
            "This is an MT%(number)s, not a statement (MT940): ask the bank for CAMT.053 or MT940, and import that file"
            " as it is.",
            number=kind[1],
        )
    if re.search(r"^[ \t]*:20:", text, re.MULTILINE) and re.search(
        r"^[ \t]*:(25P?|28C?|60[FM]|61):", text, re.MULTILINE
    ):
        if re.search(r"^:34F:", text, re.MULTILINE) and not re.search(r"^:60[FM]:", text, re.MULTILINE):
            raise _another("an MT942")
        return Sniffed("MT940", "MT940")
    if re.search(r"<(html|body|!doctype)\b", text, re.IGNORECASE):
        raise _another("a web page (HTML)")
    if start.startswith(("{", "[")) and not start.startswith("{1:"):
        raise _another("a JSON file")
    lines = [line for line in text.splitlines()[:5] if line.strip()]
    if len(lines) > 1 and any(lines[0].count(mark) > 1 and lines[1].count(mark) > 1 for mark in ";,\t"):
        raise _another("a CSV file")
    raise _another("a file of a kind we do not know")
