"""The lines of a text file from a bank, in whatever encoding and with whatever line ends, one at a time."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import IO

from supporters.payments.bank.told import BadBankFile

_CHUNK = 1 << 16
LONGEST_LINE = 10_000  # bytes; SWIFT has 65, some banks write a field on one line


class Lines:
    """Iterates over (number, text without its end); afterwards ``is_terminated`` says whether the last one had one."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.number = 0
        self.is_terminated = True

    def __iter__(self) -> Iterator[tuple[int, str]]:
        rest = b""
        while chunk := self._stream.read(_CHUNK):
            if not self.number and not rest:
                chunk = self._beginning(chunk)
            lines = (rest + chunk).splitlines(keepends=True)
            # What has no end yet waits for it, and so does a return that may have its line feed in the next chunk.
            rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
            for line in lines:
                yield self._one(line)
            if len(rest) > LONGEST_LINE:
                self._one(rest)
        rest = rest.rstrip(b"\x1a")  # the end of a file, for DOS
        if rest:
            self.is_terminated = rest.endswith((b"\n", b"\r"))
            yield self._one(rest)

    def _beginning(self, chunk: bytes) -> bytes:
        if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise BadBankFile("The file is in UTF-16; a bank writes MT940 in plain text.", place="line 1")
        return chunk.removeprefix(codecs.BOM_UTF8)

    def _one(self, line: bytes) -> tuple[int, str]:
        self.number += 1
        if len(line) > LONGEST_LINE:
            raise BadBankFile(
                "The line is longer than %(most)s characters.", place=f"line {self.number}", most=LONGEST_LINE
            )
        if b"\x00" in line:
            raise BadBankFile(
                "The line holds a NUL byte, so this is not text, or it is damaged.", place=f"line {self.number}"
            )
        line = line.rstrip(b"\r\n\x1a")
        try:
            return self.number, line.decode()
        except UnicodeDecodeError:
            return self.number, line.decode("cp1252", "replace")
