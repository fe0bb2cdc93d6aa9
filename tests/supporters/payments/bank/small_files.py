"""Small bank files for the tests, written by us; and where other projects' files are, which are never copied here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from supporters.payments.bank.reading import read_statements, read_statuses
from supporters.payments.bank.told import Head, Line, Status, Tail, Told
from tests.modules import ROOT

SAMPLES = Path(os.environ.get("BANK_SAMPLES") or ROOT.parent / "shared" / "samples" / "bank")
ABSENT = f"other banks' files are not at {SAMPLES}; BANK_SAMPLES can say where they are"

US = "NL91ABNA0417164300"
THEM = "NL69INGB0123456789"

_MESSAGES = {
    "053": ("BkToCstmrStmt", "Stmt"),
    "052": ("BkToCstmrAcctRpt", "Rpt"),
    "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}


def told(content: bytes | str) -> list[Told]:
    return list(read_statements(BytesIO(content if isinstance(content, bytes) else content.encode())))


def lines(content: bytes | str) -> list[Line]:
    return [one for one in told(content) if isinstance(one, Line)]


def statuses(content: bytes | str) -> list[Status]:
    return list(read_statuses(BytesIO(content if isinstance(content, bytes) else content.encode())))


def sums(found: list[Told]) -> Iterator[tuple[Head, int, int | None]]:
    """For each statement its head, the sum of its entries and what the balances say that it should be."""
    head, total, position = None, 0, 0
    for one in found:
        if isinstance(one, Head):
            head, total, position = one, 0, 0
        elif isinstance(one, Line) and one.entry.position != position:
            total, position = total + one.entry.amount, one.entry.position
        elif isinstance(one, Tail):
            assert head is not None
            closing = head.closing or one.closing
            yield head, total, closing.amount - head.opening.amount if closing and head.opening else None


# -- camt -----------------------------------------------------------------------------------------------------------


def tags(name: str, content: object, **attributes: str) -> str:
    said = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<{name}{said}>{content}</{name}>"


def nested(path: str, content: object) -> str:
    for name in reversed(path.split("/")):
        content = tags(name, content)
    return str(content)


def amount(text: str, currency: str = "EUR", name: str = "Amt") -> str:
    return tags(name, text, Ccy=currency)


def balance(code: str, text: str, on: str = "2026-11-24", side: str = "CRDT", currency: str = "EUR") -> str:
    return (
        f"<Bal>{nested('Tp/CdOrPrtry/Cd', code)}{amount(text, currency)}<CdtDbtInd>{side}</CdtDbtInd>"
        f"{nested('Dt/Dt', on)}</Bal>"
    )


def refs(**given: str) -> str:
    return tags("Refs", "".join(tags(name, text) for name, text in given.items()))


def parties(debtor: str = "", debtor_iban: str = "", creditor: str = "", creditor_iban: str = "") -> str:
    found = nested("Dbtr/Nm", debtor) if debtor else ""
    found += nested("DbtrAcct/Id/IBAN", debtor_iban) if debtor_iban else ""
    found += nested("Cdtr/Nm", creditor) if creditor else ""
    found += nested("CdtrAcct/Id/IBAN", creditor_iban) if creditor_iban else ""
    return tags("RltdPties", found)


def details(*parts: str) -> str:
    return tags("TxDtls", "".join(parts))


def entry(
    text: str, side: str, *inside: str, booked: str = "2026-11-24", status: str = "BOOK", currency: str = "EUR",
    before: str = "", after: str = "",
) -> str:  # fmt: skip
    return (
        f"<Ntry>{amount(text, currency)}<CdtDbtInd>{side}</CdtDbtInd>{tags('Sts', status)}"
        f"{nested('BookgDt/Dt', booked)}{before}{tags('NtryDtls', ''.join(inside)) if inside else ''}{after}</Ntry>\n"
    )


def statement(*inside: str, account: str = US, ident: str = "S1", kind: str = "053") -> str:
    name = _MESSAGES[kind][1]
    return (
        f"<{name}><Id>{ident}</Id><ElctrncSeqNb>7</ElctrncSeqNb><CreDtTm>2026-11-25T06:00:00+01:00</CreDtTm>"
        f"<Acct>{nested('Id/IBAN', account)}<Ccy>EUR</Ccy></Acct>\n{''.join(inside)}</{name}>\n"
    )


def camt(*statements: str, version: str = "053.001.08", namespace: str | None = None) -> str:
    """A whole file; ``namespace`` for one that does not call itself what it is."""
    message = _MESSAGES[version[:3]][0]
    space = f"urn:iso:std:iso:20022:tech:xsd:camt.{version}" if namespace is None else namespace
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{space}"><{message}>'
        f"<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-11-25T06:00:01+01:00</CreDtTm></GrpHdr>\n"
        f"{''.join(statements)}</{message}></Document>\n"
    )


def everyday() -> str:
    """Two statements with a gift, a batch with its details, a return, and charges."""
    gift = entry(
        "25.00", "CRDT",
        details(
            refs(EndToEndId="NOTPROVIDED"), parties("A. de Boer", THEM),
            nested("RmtInf/Ustrd", "Voor de zee &amp; meer"),
        ),
    )  # fmt: skip
    batch = entry(
        "30.00", "CRDT", tags("Btch", "<PmtInfId>C-2026-11-1</PmtInfId><NbOfTxs>2</NbOfTxs>"),
        details(refs(EndToEndId="D-1", MndtId="M-1"), amount("10.00"), parties("B", "NL02ABNA0123456789")),
        details(refs(EndToEndId="D-2", MndtId="M-2"), amount("20.00"), parties("C", "NL44RABO0123456789")),
    )  # fmt: skip
    back = entry(
        "10.00", "DBIT",
        details(
            refs(EndToEndId="D-0", MndtId="M-0"), parties("D", THEM, "Stichting Zee", US),
            tags("RtrInf", nested("Rsn/Cd", "AM04") + tags("AddtlInf", "Saldo ontoereikend")),
        ),
    )  # fmt: skip
    costs = entry("1.50", "DBIT", after="<AddtlNtryInf>Kosten</AddtlNtryInf>")
    return camt(
        statement(balance("OPBD", "100.00"), balance("CLBD", "155.00"), gift, batch),
        statement(balance("OPBD", "155.00"), balance("CLBD", "143.50"), back, costs, ident="S2"),
    )


# -- the others -----------------------------------------------------------------------------------------------------


def mt940(
    *entries: str, opening: str = "C261123EUR100,00", closing: str = "C261124EUR100,00", account: str = US
) -> str:
    """One statement; each entry is its lines, without a line end after the last."""
    return "\n".join(
        [":20:940S261124", f":25:{account}", ":28C:7/1", f":60F:{opening}", *entries, f":62F:{closing}", "-", ""]
    )


RABO = mt940(
    ":61:261124C000000000025,00N541EREF\nNL69INGB0123456789\n:86:/EREF/GIFT-1/ORDP//NAME/A. de Boer/REMI/Voor de zee",
    ":61:261124D10,00N545MARF\n:86:/EREF/D-0/MARF/M-0/RTRN/AM04/BENM//NAME/D/REMI/Terug",
    closing="C261124EUR115,00",
)
ABN = "ABNANL2A\n940\nABNANL2A\n" + mt940(
    ":61:2611241124C25,N658NONREF\n:86:/TRTP/SEPA OVERBOEKING/IBAN/NL69INGB0123456789/BIC/INGBNL2A/NAME/A. d\n"
    "e Boer/REMI/Voor de zee/EREF/NOTPROVIDED",
    closing="C261124EUR125,00",
)
ING = (
    "{1:F01INGBNL2ABXXX0000000000}\r\n{2:I940INGBNL2AXXXN}\r\n{4:\r\n"
    + mt940(
        ":61:2611241124D10,00NRTIEREF//00000000001007\n/TRCD/00190/\n:86:/RTRN/MS03//EREF/D-0//MARF/M-0//CSID/NL69ZZZ1234"
        "56780000//CNTP/NL69INGB\n0123456789/INGBNL2A/D. Jansen///REMI/USTD//Terug/",
        closing="C261124EUR90,00",
    ).replace("\n", "\r\n")[:-3]
    + "-}\r\n"
)


def transaction(e2e: str, *, status: str = "RJCT", reason: str = "AC01", text: str = "", original: str = "") -> str:
    why = tags("StsRsnInf", nested("Rsn/Cd", reason) + (tags("AddtlInf", text) if text else "")) if reason else ""
    return tags(
        "TxInfAndSts",
        f"<StsId>X-{e2e}</StsId><OrgnlEndToEndId>{e2e}</OrgnlEndToEndId>{tags('TxSts', status) if status else ''}{why}"
        + (tags("OrgnlTxRef", original) if original else ""),
    )


def pain002(*batches: str, group: str = "", version: str = "001.10") -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.{version}"><CstmrPmtStsRpt><GrpHdr><MsgId>R1</MsgId>'
        "<CreDtTm>2026-11-25T06:00:00Z</CreDtTm></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>C-2026-11</OrgnlMsgId>"
        f"<OrgnlMsgNmId>pain.008.001.08</OrgnlMsgNmId>{group}</OrgnlGrpInfAndSts>\n{''.join(batches)}"
        "</CstmrPmtStsRpt></Document>\n"
    )


def batch(*inside: str, ident: str = "C-2026-11-1", status: str = "") -> str:
    return tags(
        "OrgnlPmtInfAndSts",
        tags("OrgnlPmtInfId", ident) + (tags("PmtInfSts", status) if status else "") + "".join(inside),
    )


REJECTS = pain002(
    batch(
        transaction(
            "D-1", text="IBAN onjuist",
            original=nested("Amt", amount("12.50", name="InstdAmt")) + tags("ReqdColltnDt", "2026-11-27")
            + nested("MndtRltdInf/MndtId", "M-1") + nested("Dbtr/Nm", "A. de Boer")
            + nested("DbtrAcct/Id/IBAN", THEM),
        ),
        transaction("D-2", reason="MD01"),
        status="PART",
    ),
    group=tags("GrpSts", "PART"),
)  # fmt: skip


def plain(thing: Any) -> dict[str, Any]:
    """What a detail or an entry says, without what it leaves empty."""
    return {name: value for name in thing.__slots__ if (value := getattr(thing, name)) not in ("", None, 0, False)}
