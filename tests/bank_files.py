"""A bank for the tests: one account's history, told in whatever files, formats, parts and order one likes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from xml.sax.saxutils import escape

OURS = "NL13TEST0123456789"
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.%s.001.%s"


@dataclass(frozen=True)
class Movement:
    """What happened on the account; ``parts`` where it is a total of several."""

    on: date
    amount: int  # cents, below zero went off
    name: str = ""
    iban: str = ""
    text: str = ""
    end_to_end_id: str = ""
    mandate: str = ""
    reason: str = ""
    batch: str = ""
    reference: str = ""  # the bank's own; empty where it has none
    creditor_reference: str = ""
    parts: tuple[Movement, ...] = ()

    def without(self, **said: object) -> Movement:
        return replace(self, **said)  # type: ignore[arg-type]


@dataclass(repr=False)
class Account:
    """``opening`` cents at the beginning of the first day."""

    movements: list[Movement]
    opening: int = 100_00
    iban: str = OURS
    currency: str = "EUR"

    def __repr__(self) -> str:
        return f"Account({[(each.on.day, each.amount) for each in self.movements]})"

    #: Balance before the movement of that index; one more for the end.
    balances: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.balances = [self.opening]
        for each in self.movements:
            self.balances.append(self.balances[-1] + each.amount)

    def comes_by_a_balance_again(self) -> bool:
        """Whether some day has the same balance twice, which leaves a part of it without a sure place."""
        for day in {each.on for each in self.movements}:
            then = [before for before, each in zip(self.balances, self.movements, strict=False) if each.on == day]
            last = max(index for index, each in enumerate(self.movements) if each.on == day)
            if len({*then, self.balances[last + 1]}) <= len(then):
                return True
        return False

    def camt053(
        self, start: int = 0, end: int | None = None, *, ident: str = "", number: str = "", version: str = "02",
        detailed: bool = True, newest_first: bool = False,
    ) -> bytes:  # fmt: skip
        """The movements from ``start`` up to ``end`` as one statement."""
        end = len(self.movements) if end is None else end
        entries = [self._entry(each, version=version, detailed=detailed) for each in self.movements[start:end]]
        if newest_first:
            entries.reverse()
        ident = ident or f"S{start}-{end}"
        head = f"<ElctrncSeqNb>{number}</ElctrncSeqNb>" if number else ""
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="{NAMESPACE % ("053", version)}"><BkToCstmrStmt>'
            f"<GrpHdr><MsgId>M{ident}</MsgId><CreDtTm>2026-11-30T06:00:00</CreDtTm></GrpHdr><Stmt><Id>{ident}</Id>"
            f"{head}<CreDtTm>2026-11-30T06:00:00</CreDtTm>{self._account()}"
            f"{self._balance('OPBD', self.balances[start], self._day(start))}"
            f"{self._balance('CLBD', self.balances[end], self._day(end - 1) if end else self._day(0))}"
            f"{''.join(entries)}</Stmt></BkToCstmrStmt></Document>"
        ).encode()

    def camt054(self, movements: list[Movement], *, ident: str = "N1", version: str = "02") -> bytes:
        entries = "".join(self._entry(each, version=version, detailed=True) for each in movements)
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="{NAMESPACE % ("054", version)}">'
            f"<BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>M{ident}</MsgId><CreDtTm>2026-11-30T06:00:00</CreDtTm></GrpHdr>"
            f"<Ntfctn><Id>{ident}</Id><CreDtTm>2026-11-30T06:00:00</CreDtTm>{self._account()}{entries}</Ntfctn>"
            "</BkToCstmrDbtCdtNtfctn></Document>"
        ).encode()

    def mt940(self, start: int = 0, end: int | None = None, *, number: str = "1", ident: str = "940") -> bytes:
        end = len(self.movements) if end is None else end
        lines = [f":20:{ident}", f":25:{self.iban} {self.currency}", f":28C:{number}/1"]
        lines.append(f":60F:{self._swift(self.balances[start], self._day(start))}")
        for each in self.movements[start:end]:
            sign = "C" if each.amount > 0 else "D"
            euros = f"{abs(each.amount) // 100},{abs(each.amount) % 100:02d}"
            lines.append(f":61:{each.on:%y%m%d}{each.on:%m%d}{sign}{euros}NTRFNONREF")
            said = "".join(
                f"/{key}/{value}" for key, value in (
                    ("IBAN", each.iban), ("NAME", each.name), ("MARF", each.mandate), ("EREF", each.end_to_end_id),
                    ("RTRN", each.reason), ("PREF", each.batch), ("REMI", each.text),
                ) if value
            )  # fmt: skip
            whole = f"/TRTP/SEPA OVERBOEKING{said}"
            parts = [whole[at : at + 65] for at in range(0, len(whole), 65)]
            lines += [f":86:{parts[0]}", *parts[1:]]
        lines += [f":62F:{self._swift(self.balances[end], self._day(end - 1) if end else self._day(0))}", "-", ""]
        return "\r\n".join(lines).encode()

    # -- parts of files ---------------------------------------------------------------------------

    def _day(self, index: int) -> date:
        if not self.movements:
            return date(2026, 11, 1)
        if index >= len(self.movements):
            return self.movements[-1].on
        return self.movements[max(index, 0)].on

    def _account(self) -> str:
        return f"<Acct><Id><IBAN>{self.iban}</IBAN></Id><Ccy>{self.currency}</Ccy></Acct>"

    def _balance(self, code: str, amount: int, on: date) -> str:
        return (
            f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{self._amount(amount)}"
            f"<CdtDbtInd>{'CRDT' if amount >= 0 else 'DBIT'}</CdtDbtInd><Dt><Dt>{on}</Dt></Dt></Bal>"
        )

    def _amount(self, amount: int) -> str:
        return f'<Amt Ccy="{self.currency}">{Decimal(abs(amount)) / 100:.2f}</Amt>'

    def _entry(self, each: Movement, *, version: str, detailed: bool) -> str:
        status = "<Sts>BOOK</Sts>" if int(version) < 8 else "<Sts><Cd>BOOK</Cd></Sts>"
        batch = f"<Btch><PmtInfId>{escape(each.batch)}</PmtInfId></Btch>" if each.batch else ""
        if not detailed:
            details = ""
        elif each.parts:
            details = "".join(self._transaction(part, version=version) for part in each.parts)
        else:
            details = self._transaction(each, version=version)
        reference = f"<AcctSvcrRef>{each.reference}</AcctSvcrRef>" if each.reference else ""
        inside = f"<NtryDtls>{batch}{details}</NtryDtls>" if batch or details else ""
        return (
            f"<Ntry>{self._amount(each.amount)}<CdtDbtInd>{'CRDT' if each.amount > 0 else 'DBIT'}</CdtDbtInd>{status}"
            f"<BookgDt><Dt>{each.on}</Dt></BookgDt><ValDt><Dt>{each.on}</Dt></ValDt>{reference}"
            "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>"
            f"{inside}</Ntry>"
        )

    def _transaction(self, each: Movement, *, version: str) -> str:
        other = "Dbtr" if each.amount > 0 or each.reason else "Cdtr"
        refs = "".join(
            f"<{tag}>{escape(value)}</{tag}>"
            for tag, value in (("EndToEndId", each.end_to_end_id or "NOTPROVIDED"), ("MndtId", each.mandate))
            if value
        )
        name = f"<Nm>{escape(each.name)}</Nm>"
        party = f"<{other}>{name if int(version) < 8 else f'<Pty>{name}</Pty>'}</{other}>" if each.name else ""
        account = f"<{other}Acct><Id><IBAN>{each.iban}</IBAN></Id></{other}Acct>" if each.iban else ""
        parties = f"<RltdPties>{party}{account}</RltdPties>" if party or account else ""
        structured = (
            f"<Strd><CdtrRefInf><Ref>{each.creditor_reference}</Ref></CdtrRefInf></Strd>"
            if each.creditor_reference
            else ""
        )
        text = f"<Ustrd>{escape(each.text)}</Ustrd>" if each.text else ""
        remittance = f"<RmtInf>{text}{structured}</RmtInf>" if text or structured else ""
        reason = f"<RtrInf><Rsn><Cd>{each.reason}</Cd></Rsn></RtrInf>" if each.reason else ""
        amount = (
            f"<AmtDtls><TxAmt>{self._amount(each.amount)}</TxAmt></AmtDtls>"
            if int(version) < 4
            else f"{self._amount(each.amount)}<CdtDbtInd>{'CRDT' if each.amount > 0 else 'DBIT'}</CdtDbtInd>"
        )
        return f"<TxDtls><Refs>{refs}</Refs>{amount}{parties}{remittance}{reason}</TxDtls>"

    def _swift(self, amount: int, on: date) -> str:
        return f"{'C' if amount >= 0 else 'D'}{on:%y%m%d}{self.currency}{abs(amount) // 100},{abs(amount) % 100:02d}"


def days(first: date, count: int) -> list[date]:
    return [first + timedelta(days=number) for number in range(count)]


def pain002(
    rejected: list[tuple[str, str]], *, message: str, batch: str, status: str = "PART", version: str = "03"
) -> bytes:
    """``rejected``: end-to-end ids with their reasons."""
    rows = "".join(
        f"<TxInfAndSts><StsId>T{number}</StsId><OrgnlEndToEndId>{reference}</OrgnlEndToEndId><TxSts>RJCT</TxSts>"
        f"<StsRsnInf><Rsn><Cd>{reason}</Cd></Rsn></StsRsnInf></TxInfAndSts>"
        for number, (reference, reason) in enumerate(rejected, 1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.{version}">'
        f"<CstmrPmtStsRpt><GrpHdr><MsgId>P1</MsgId><CreDtTm>2026-11-30T06:00:00</CreDtTm></GrpHdr><OrgnlGrpInfAndSts>"
        f"<OrgnlMsgId>{message}</OrgnlMsgId><OrgnlMsgNmId>pain.008.001.08</OrgnlMsgNmId><GrpSts>{status}</GrpSts>"
        f"</OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><OrgnlPmtInfId>{batch}</OrgnlPmtInfId>{rows}</OrgnlPmtInfAndSts>"
        "</CstmrPmtStsRpt></Document>"
    ).encode()
