"""Files that something went wrong with, thousands of them: only ``BadBankFile`` comes out, or what reads.

ACHTERBAN_FUZZ=100000 pytest tests/supporters/payments/bank/reading/test_fuzz.py
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supporters.payments.bank.reading import read_statements, read_statuses
from supporters.payments.bank.told import BadBankFile
from tests.supporters.payments.bank.small_files import ABN, ING, RABO, REJECTS, SAMPLES, everyday

CASES = int(os.environ.get("ACHTERBAN_FUZZ") or 200)
FILES = [content.encode() for content in (everyday(), REJECTS, RABO, ABN, ING)]
if CASES > 1000 and SAMPLES.is_dir():
    FILES += [path.read_bytes() for path in sorted(SAMPLES.iterdir()) if path.suffix in (".xml", ".txt")]
_PIECES = (
    "|<|>|&|&#0;|&#x10ffff;|&lt;|<!--|-->|<![CDATA[|]]>|<?x?>|<!DOCTYPE a>|\x00|\r|\n|\r\n|\t| |'|\"|/|//|-|-}|{4:"
    "|:20:|:25:|:28C:|:60F:|:61:|:62F:|:62M:|:86:|,|.|0|99999999999999999999|-1|1e5|NaN|Infinity|EUR|JPY|XXX|CRDT|DBIT|RC|ED"
    "|2026-11-24|9999-12-31|0001-01-01|20261332|T24:00:00Z|+14:00|<Ntry>|</Ntry>|<TxDtls>|</TxDtls>|<Amt>|</Amt>|<Stmt>"
    '|</Stmt>|<Amt Ccy="EUR">1.00</Amt>|<Sts>PDNG</Sts>|<Cd>|</Cd>|/EREF/|/REMI/|/RTRN/|/CNTP/|/OCMT/|?20|166?00|000>20'
    "|>21|SEPA IBAN:|€|\u0661|\ufeff|\x1a"
)
PIECES = [piece.encode() for piece in _PIECES.split("|")] + [b"\xff", b"\xff\xfe", b"\xc3"]

# Places as parts of a million, so that they mean something in a file of any length.
place = st.integers(0, 1_000_000)
change = st.one_of(
    st.tuples(st.just("put"), place, st.sampled_from(PIECES)),
    st.tuples(st.just("replace"), place, st.sampled_from(PIECES)),
    st.tuples(st.just("byte"), place, st.binary(min_size=1, max_size=2)),
    st.tuples(st.just("cut"), place, place),
    st.tuples(st.just("repeat"), place, place),
    st.tuples(st.just("drop"), place, place),
)


def changed(content: bytes, what: str, at: int, with_what: object) -> bytes:
    start = at * len(content) // 1_000_000
    if isinstance(with_what, bytes):
        return content[:start] + with_what + content[start + (0 if what == "put" else max(len(with_what), 1)) :]
    assert isinstance(with_what, int)
    length = with_what * 200 // 1_000_000
    if what == "cut":
        return content[:start] if length < 40 else content
    if what == "repeat":
        return content[:start] + content[start : start + length] * 2 + content[start + length :]
    return content[:start] + content[start + length :]


@settings(max_examples=CASES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(FILES), st.lists(change, min_size=1, max_size=6))
def test_a_damaged_file_reads_or_is_refused(content: bytes, changes: list[tuple[str, int, object]]) -> None:
    for what, at, with_what in changes:
        content = changed(content, what, at, with_what)
    readers: tuple[Callable[..., object], ...] = (read_statements, read_statuses)
    for read in readers:
        try:
            list(read(io.BytesIO(content)))  # type: ignore[call-overload]
        except BadBankFile as error:
            assert error.message
            assert len(error.message) < 1000
