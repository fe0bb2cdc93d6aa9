"""The collection file itself, written as a stream of text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import BinaryIO
from zoneinfo import ZoneInfo

from supporters.payments.sepa.charset import is_sepa_reference, to_sepa
from supporters.payments.sepa.debit import SMNDA, Amendment, Block, Creditor, Debit
from supporters.payments.sepa.schema import FORMATS, NAMESPACE, check_format, validate
from supporters.payments.sepa.scheme import FileRefused, SchemeCheck

NAME_LENGTH = 70
REMITTANCE_LENGTH = 140
# Room for "-9999" behind it in the id of a block, which has 35 characters too.
MESSAGE_ID_LENGTH = 30
UNREADABLE_NAME = "NOTPROVIDED"

# TARGET runs on this clock, and a time without an offset is what every bank accepts.
_CLOCK = "Europe/Amsterdam"
_DEBITS_A_WRITE = 400


@dataclass(frozen=True, slots=True)
class Written:
    """What went into a file: debits, cents, and the bytes' own mark and number."""

    count: int
    total: int
    sha256: str
    size: int


def payment_information_id(message_id: str, number: int) -> str:
    """The id of the file's ``number``-th block, counted from 1: what the bank books the collection under."""
    return f"{message_id}-{number}"


def write(
    out: BinaryIO,
    *,
    format: str,
    message_id: str,
    created_at: datetime,
    creditor: Creditor,
    blocks: Sequence[Block],
    debits: Iterable[Debit],
) -> Written:
    """Write one collection file; ``debits`` come in the order of ``blocks``, whose counts and totals they must meet.

    The same input gives the same bytes. Raises ``FileRefused`` at the first debit that breaks a rule of the scheme;
    what ``out`` got by then is half a file, to be thrown away. Memory holds the end-to-end ids and nothing else.
    """
    check_format(format)
    bic_tag = "BIC" if format == "pain.008.001.02" else "BICFI"
    if created_at.tzinfo is None:
        raise ValueError("created_at needs a time zone; pass an aware datetime.")
    if len(message_id) > MESSAGE_ID_LENGTH or not is_sepa_reference(message_id):
        raise FileRefused(
            "The message id “%(message_id)s” has %(length)s characters or letters a bank refuses; use 1 to 30 of"
            " A-Z a-z 0-9 / - ? : ( ) . , ' + with no slash at either end or two in a row.",
            field="message_id", message_id=message_id, length=len(message_id),
        )  # fmt: skip
    local = created_at.astimezone(ZoneInfo(_CLOCK))
    check = SchemeCheck(creditor, created_on=local.date())
    check.blocks(blocks)

    count, total = sum(block.count for block in blocks), sum(block.total for block in blocks)
    name = to_sepa(creditor.name, NAME_LENGTH)
    sink = _Sink(out)
    sink.add(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{NAMESPACE}{format}"><CstmrDrctDbtInitn>'
        f"<GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>{local:%Y-%m-%dT%H:%M:%S}</CreDtTm>"
        f"<NbOfTxs>{count}</NbOfTxs><CtrlSum>{_euros(total)}</CtrlSum>"
        f"<InitgPty><Nm>{name}</Nm><Id><OrgId><Othr><Id>{creditor.identifier}</Id></Othr></OrgId></Id></InitgPty>"
        "</GrpHdr>\n"
    )
    stream = iter(debits)
    for number, block in enumerate(blocks, start=1):
        sink.add(
            f"<PmtInf><PmtInfId>{payment_information_id(message_id, number)}</PmtInfId><PmtMtd>DD</PmtMtd>"
            f"<BtchBookg>true</BtchBookg><NbOfTxs>{block.count}</NbOfTxs><CtrlSum>{_euros(block.total)}</CtrlSum>"
            f"<PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl><LclInstrm><Cd>{block.scheme}</Cd></LclInstrm>"
            f"<SeqTp>{block.sequence_type}</SeqTp></PmtTpInf><ReqdColltnDt>{block.collect_on}</ReqdColltnDt>"
            f"<Cdtr><Nm>{name}</Nm></Cdtr><CdtrAcct><Id><IBAN>{creditor.iban}</IBAN></Id></CdtrAcct>"
            f"<CdtrAgt><FinInstnId>{_agent(creditor.bic, bic_tag)}</FinInstnId></CdtrAgt><ChrgBr>SLEV</ChrgBr>"
            f"<CdtrSchmeId><Id>{_scheme_id(creditor.identifier)}</Id></CdtrSchmeId>\n"
        )
        _write_block(sink, block, islice(stream, block.count), check, bic_tag)
        sink.add("</PmtInf>\n")
    for surplus in stream:
        raise FileRefused(
            "Debit %(debit)s comes after the %(count)s debits the blocks promise; count them again.",
            field="blocks", debit=surplus.end_to_end_id, count=count,
        )  # fmt: skip
    sink.add("</CstmrDrctDbtInitn></Document>\n")
    sink.flush()
    return Written(count, total, sink.digest.hexdigest(), sink.size)


def _write_block(sink: _Sink, block: Block, debits: Iterable[Debit], check: SchemeCheck, bic_tag: str) -> None:
    # Nothing here is escaped: each text has been held against the scheme's letters or been brought back to them,
    # and none of those letters means anything in XML.
    add, hold = sink.add, check.debit
    agents: dict[str | None, str] = {}
    count = total = 0
    for debit in debits:
        hold(debit, block)
        end_to_end_id, amount, iban, bic, name, mandate, signed_on, _, text, reference, amendment = debit
        count += 1
        total += amount
        agent = agents.get(bic)
        if agent is None:
            agent = agents[bic] = _agent(bic, bic_tag)
        if reference is None:
            text = to_sepa(text, REMITTANCE_LENGTH)
            remittance = f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf>" if text else ""
        else:
            remittance = (
                "<RmtInf><Strd><CdtrRefInf><Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry><Issr>ISO</Issr></Tp>"
                f"<Ref>{reference}</Ref></CdtrRefInf></Strd></RmtInf>"
            )
        add(
            f"<DrctDbtTxInf><PmtId><EndToEndId>{end_to_end_id}</EndToEndId></PmtId>"
            f'<InstdAmt Ccy="EUR">{amount // 100}.{amount % 100:02d}</InstdAmt>'
            f"<DrctDbtTx><MndtRltdInf><MndtId>{mandate}</MndtId><DtOfSgntr>{signed_on.isoformat()}</DtOfSgntr>"
            f"{'' if amendment is None else _amendment(amendment)}</MndtRltdInf></DrctDbtTx>"
            f"<DbtrAgt><FinInstnId>{agent}</FinInstnId></DbtrAgt>"
            f"<Dbtr><Nm>{to_sepa(name, NAME_LENGTH, UNREADABLE_NAME)}</Nm></Dbtr>"
            f"<DbtrAcct><Id><IBAN>{iban}</IBAN></Id></DbtrAcct>{remittance}</DrctDbtTxInf>\n"
        )
        if not count % _DEBITS_A_WRITE:
            sink.flush()
    if (count, total) != (block.count, block.total):
        raise FileRefused(
            "The block %(sequence_type)s on %(collect_on)s promises %(count)s debits of %(total)s euro together and got"
            " %(actual_count)s of %(actual_total)s; prepare the collection again.",
            field="blocks", sequence_type=block.sequence_type, collect_on=block.collect_on, count=block.count,
            total=_euros(block.total), actual_count=count, actual_total=_euros(total),
        )  # fmt: skip


class _Sink:
    """Gathers text until there is enough to be worth encoding, and keeps count of what left."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._pieces: list[str] = []
        self.add = self._pieces.append
        self.digest = hashlib.sha256()
        self.size = 0

    def flush(self) -> None:
        data = "".join(self._pieces).encode("ascii")
        self._pieces.clear()
        self.digest.update(data)
        self.size += len(data)
        self._out.write(data)


def _euros(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _agent(bic: str | None, bic_tag: str) -> str:
    return "<Othr><Id>NOTPROVIDED</Id></Othr>" if bic is None else f"<{bic_tag}>{bic}</{bic_tag}>"


def _scheme_id(identifier: str) -> str:
    return f"<PrvtId><Othr><Id>{identifier}</Id><SchmeNm><Prtry>SEPA</Prtry></SchmeNm></Othr></PrvtId>"


def _amendment(amendment: Amendment) -> str:
    details = ""
    if amendment.original_mandate_reference is not None:
        details += f"<OrgnlMndtId>{amendment.original_mandate_reference}</OrgnlMndtId>"
    name, identifier = amendment.original_creditor_name, amendment.original_creditor_identifier
    if name is not None or identifier is not None:
        details += "<OrgnlCdtrSchmeId>"
        if name is not None:
            details += f"<Nm>{to_sepa(name, NAME_LENGTH)}</Nm>"
        if identifier is not None:
            details += f"<Id>{_scheme_id(identifier)}</Id>"
        details += "</OrgnlCdtrSchmeId>"
    account = amendment.original_account
    if account == SMNDA:
        details += "<OrgnlDbtrAcct><Id><Othr><Id>SMNDA</Id></Othr></Id></OrgnlDbtrAcct>"
    elif account is not None:
        details += f"<OrgnlDbtrAcct><Id><IBAN>{account}</IBAN></Id></OrgnlDbtrAcct>"
    return f"<AmdmntInd>true</AmdmntInd><AmdmntInfDtls>{details}</AmdmntInfDtls>"


__all__ = [
    "FORMATS",
    "Amendment",
    "Block",
    "Creditor",
    "Debit",
    "FileRefused",
    "Written",
    "payment_information_id",
    "validate",
    "write",
]
