"""Reading what banks send, whatever the format, in one pass and in constant memory.

What does not read as what it should be raises ``BadBankFile`` with the line; nothing is guessed. What was yielded by
then is part of a bad file, and of no use by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from supporters.payments.bank.reading import camt, mt940, pain002
from supporters.payments.bank.reading.sniffing import sniff as sniff
from supporters.payments.bank.told import BadBankFile, Status, Told

__all__ = ["read_statements", "read_statuses", "sniff"]


def read_statements(stream: IO[bytes]) -> Iterator[Told]:
    """What a camt.053, camt.054, camt.052 or MT940 tells; ``stream`` is binary and can seek."""
    found = sniff(stream)
    if found.family == "pain.002":
        raise BadBankFile(
            "This is a status report (%(format)s), which says what became of a file that we sent: it has no entries.",
            format=found.format,
        )
    yield from mt940.read(stream) if found.family == "MT940" else camt.read(stream)


def read_statuses(stream: IO[bytes]) -> Iterator[Status]:
    """What a pain.002 tells about a file that we sent."""
    found = sniff(stream)
    if found.family != "pain.002":
        raise BadBankFile(
            "This is a statement (%(format)s), not a status report (pain.002): import it as a statement.",
            format=found.format,
        )
    yield from pain002.read(stream)
