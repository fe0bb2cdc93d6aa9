"""A finished file held against the official schema of its format, as a stream and without trusting it."""

import os
import re
from collections.abc import Callable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import BinaryIO, Final, cast
from xml.parsers import expat

from lxml import etree

from supporters.payments.sepa.scheme import FileRefused

FORMATS: Final = ("pain.008.001.08", "pain.008.001.02")
NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:"

_PIECE = 1 << 16
# lxml hands on what libxml2 says about broken XML as Python shows bytes, with a line of its own before it.
_MARKS = re.compile(r"line \d+: b(['\"])(.*)\1")


def check_format(format: str) -> None:
    if format not in FORMATS:
        raise FileRefused(
            "“%(format)s” is not a format we write; use pain.008.001.08 or, for an older bank, pain.008.001.02.",
            field="format", format=format,
        )  # fmt: skip


@cache
def _schema(format: str) -> etree.XMLSchema:
    text = resources.files(__package__).joinpath("schemas", f"{format}.xsd").read_bytes()
    return etree.XMLSchema(etree.fromstring(text))


def validate(source: str | os.PathLike[str] | BinaryIO, format: str) -> None:
    """Hold a whole file against the official schema of ``format``, in constant memory; ``FileRefused`` names the line.

    ``source`` is a path, or an open file that can seek and is read from where it stands.
    """
    check_format(format)
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            return validate(file, format)
    start = source.tell()
    _refuse_dtd(source)
    source.seek(start)
    return _hold_against_schema(source, format)


class _NoTree:
    """A parser's target that keeps nothing: the schema looks on while the text passes, at half the cost of a tree."""

    def close(self) -> None:
        return None


def _hold_against_schema(file: BinaryIO, format: str) -> None:
    start = file.tell()
    complaint = _complaint(file.read, format)
    if complaint is None:
        return
    # libxml2 does not know the line when it validates a stream: a file with a mistake is read again, line by line.
    file.seek(start)
    line, reason = _complaint(file.readline, format) or complaint
    raise FileRefused(
        "Line %(line)s is not valid %(format)s: %(reason)s",
        field="file", line=line, format=format, reason=reason.strip().replace(f"{{{NAMESPACE}{format}}}", ""),
    )  # fmt: skip


def _complaint(read: Callable[[int], bytes], format: str) -> tuple[int, str] | None:
    """The first mistake the schema sees, with its line if ``read`` gives lines."""
    target = cast("etree.ParserTarget[None]", _NoTree())
    parser = etree.XMLParser(target=target, schema=_schema(format), resolve_entities=False, no_network=True)
    line, ended = 0, True
    try:
        # Without a tree lxml writes what the schema says into this log and nowhere else.
        while not parser.feed_error_log and (data := read(_PIECE)):
            line += ended
            ended = data.endswith(b"\n")
            parser.feed(data)
        if not parser.feed_error_log:
            parser.close()
        return (line, parser.feed_error_log[0].message) if parser.feed_error_log else None
    except etree.XMLSyntaxError as error:
        return max(line, 1), _MARKS.sub(r"\2", error.msg or "it cannot be read")


def _refuse_dtd(file: BinaryIO) -> None:
    """Read as far as the first element with a parser of its own, so that no DTD ever reaches libxml2."""
    reached = False

    def doctype(*_: object) -> None:
        raise FileRefused(
            "Line %(line)s holds a DOCTYPE; a bank file has none, so this one is not read any further.",
            field="file", line=parser.CurrentLineNumber,
        )  # fmt: skip

    def declaration(_version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.upper() != "UTF-8":
            raise FileRefused("The file says it is %(encoding)s; it must be UTF-8.", field="file", encoding=encoding)

    def element(*_: object) -> None:
        nonlocal reached
        reached = True

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = doctype
    parser.XmlDeclHandler = declaration
    parser.StartElementHandler = element
    try:
        while not reached and (data := file.read(4096)):
            parser.Parse(data)
    except expat.ExpatError as error:
        raise FileRefused(
            "Line %(line)s is not XML: %(reason)s",
            field="file", line=error.lineno, reason=expat.ErrorString(error.code),
        ) from error  # fmt: skip
