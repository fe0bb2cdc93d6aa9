"""What a camt file tells: statements with their balances, and entries with what they are made of."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from supporters.payments.bank.told import BadBankFile, Balance, Entry, Head, Line, Tail
from tests.supporters.payments.bank.small_files import (
    THEM,
    US,
    amount,
    balance,
    camt,
    details,
    entry,
    everyday,
    lines,
    nested,
    parties,
    plain,
    refs,
    statement,
    sums,
    tags,
    told,
)


def one(*entries: str) -> list[Line]:
    return lines(camt(statement(*entries)))


def test_a_statement_is_told_from_head_to_tail() -> None:
    found = told(everyday())
    assert [type(each).__name__ for each in found] == [
        "Head", "Line", "Line", "Line", "Tail", "Head", "Line", "Line", "Tail",
    ]  # fmt: skip
    head = found[0]
    assert isinstance(head, Head)
    assert (head.kind, head.format, head.ident, head.number) == ("statement", "camt.053.001.08", "S1", "7")
    assert (head.account, head.currency) == (US, "EUR")
    assert head.made_at == datetime(2026, 11, 25, 5, tzinfo=UTC)
    assert head.opening == Balance(10000, "EUR", date(2026, 11, 24))
    assert head.closing == Balance(15500, "EUR", date(2026, 11, 24))
    assert [(total, difference) for _, total, difference in sums(found)] == [(5500, 5500), (-1150, -1150)]


def test_a_gift_says_who_gave_it_and_with_which_words() -> None:
    [gift, *_] = lines(everyday())
    assert gift.of == 0
    assert plain(gift.entry) == {
        "place": "line 4, entry 1", "position": 1, "amount": 2500, "currency": "EUR", "booked_on": date(2026, 11, 24),
    }  # fmt: skip
    assert plain(gift.detail) == {"name": "A. de Boer", "iban": THEM, "text": "Voor de zee & meer"}


def test_the_parts_of_a_batch_share_its_entry() -> None:
    first, second = lines(everyday())[1:3]
    assert first.entry is second.entry
    assert (first.entry.batch_reference, first.entry.count, first.entry.amount) == ("C-2026-11-1", 2, 3000)
    assert [(each.of, each.detail.amount, each.detail.end_to_end_id) for each in (first, second)] == [
        (1, 1000, "D-1"), (2, 2000, "D-2"),
    ]  # fmt: skip
    assert first.detail.batch_reference == "C-2026-11-1"


def test_of_a_returned_debit_the_other_party_is_the_debtor() -> None:
    back = lines(everyday())[3]
    assert plain(back.detail) == {
        "end_to_end_id": "D-0", "mandate": "M-0", "name": "D", "iban": THEM, "reason": "AM04",
        "reason_text": "Saldo ontoereikend",
    }  # fmt: skip
    assert back.entry.amount == -1000


@pytest.mark.parametrize("reason", [nested("RtrInf/Rsn/Cd", "MD06"), nested("BkTxCd/Domn/Fmly/SubFmlyCd", "UPDD")])
def test_a_returned_debit_without_our_account_in_it_is_the_debtors_too(reason: str) -> None:
    both = parties("D", "NL02ABNA0123456789", "Zee", "NL44RABO0123456789")
    given = reason.replace("<Domn>", "<Domn><Cd>PMNT</Cd>").replace("<Fmly>", "<Fmly><Cd>IDDT</Cd>")
    [line] = one(entry("10.00", "DBIT", details(both, given)))
    assert line.detail.name == "D"
    [line] = one(entry("10.00", "DBIT", details(both)))
    assert line.detail.name == "Zee"


def test_a_reversal_is_not_turned_round() -> None:
    [line] = one(entry("6.00", "DBIT", before="<RvslInd>true</RvslInd>"))
    assert (line.entry.amount, line.entry.is_reversal) == (-600, True)


def test_what_is_not_booked_is_not_told() -> None:
    found = told(camt(statement(*(entry("1.00", "CRDT", status=each) for each in ("PDNG", "INFO", "BOOK")))))
    assert [each.entry.position for each in found if isinstance(each, Line)] == [1]
    later = entry("1.00", "CRDT", status=tags("Cd", "PDNG")) + entry("2.00", "CRDT", status=tags("Cd", "BOOK"))
    assert [line.entry.amount for line in one(later)] == [200]


def test_a_statement_without_entries_is_a_statement() -> None:
    found = told(camt(statement(balance("OPBD", "5.00"), balance("CLBD", "5.00"))))
    assert [type(each) for each in found] == [Head, Tail]


@pytest.mark.parametrize("version", [f"053.001.{number:02d}" for number in range(2, 14)] + ["052.001.06", "054.001.08"])
def test_every_version_is_read(version: str) -> None:
    content = camt(statement(entry("1.00", "CRDT"), kind=version[:3]), version=version)
    head, line, _ = told(content)
    assert isinstance(head, Head)
    assert head.format == f"camt.{version}"
    assert head.kind == {"053": "statement", "052": "report", "054": "notification"}[version[:3]]
    assert isinstance(line, Line)


@pytest.mark.parametrize("namespace", ["", "urn:somebody", "urn:iso:std:iso:20022:tech:xsd:camt.053.001.99"])
def test_a_file_with_another_namespace_is_read_by_how_it_is_built(namespace: str) -> None:
    assert len(lines(camt(statement(entry("1.00", "CRDT")), namespace=namespace))) == 1


def test_prefixes_envelopes_and_empty_lines_do_not_matter() -> None:
    plain_file = everyday()
    body = plain_file.split("?>", 1)[1]
    prefixed = body.replace("</", "</x:").replace("<", "<x:").replace("<x:/x:", "</x:").replace("xmlns=", "xmlns:x=")
    wrapped = f'<BizMsgEnvlp xmlns="urn:envelope"><AppHdr><Fr>X</Fr></AppHdr>{body}</BizMsgEnvlp>'
    expected = [each.detail for each in lines(plain_file)]
    for content in (prefixed, wrapped, f"\n\r\n  {plain_file}", f"\ufeff{plain_file}"):
        assert [each.detail for each in lines(content)] == expected


def test_later_versions_wrap_a_party_and_a_status() -> None:
    related = tags("RltdPties", nested("Dbtr/Pty/Nm", "A. de Boer") + nested("DbtrAcct/Id/Othr/Id", "123 456"))
    [line] = one(entry("1.00", "CRDT", details(related), status="<Cd>BOOK</Cd>"))
    assert (line.detail.name, line.detail.account, line.detail.iban) == ("A. de Boer", "123456", "")


def test_an_iban_whose_check_digits_do_not_fit_is_an_account_number() -> None:
    [line] = one(entry("1.00", "CRDT", details(parties("A", "NL86INGB0006666666"))))
    assert (line.detail.iban, line.detail.account) == ("", "NL86INGB0006666666")


def test_the_ultimate_party_has_the_name_where_no_other_has() -> None:
    related = tags("RltdPties", nested("DbtrAcct/Id/IBAN", THEM) + nested("UltmtDbtr/Nm", "Moeder"))
    [line] = one(entry("1.00", "CRDT", details(related)))
    assert (line.detail.name, line.detail.iban) == ("Moeder", THEM)


def test_references_and_words_each_have_their_place() -> None:
    remittance = tags(
        "RmtInf",
        "<Ustrd>een</Ustrd><Ustrd> twee\n drie </Ustrd>"
        + tags("Strd", nested("CdtrRefInf/Ref", "RF18 5390 0754 7034") + tags("AddtlRmtInf", "vier")),
    )
    given = refs(
        MsgId="F-1", AcctSvcrRef="B-1", PmtInfId="P-1", InstrId="I-1", EndToEndId="E-1", TxId="T-1", MndtId="M-1"
    )
    creditor = tags("RltdPties", nested("Cdtr/Id/PrvtId/Othr/Id", "NL69ZZZ123456780000"))
    [line] = one(
        entry(
            "1.00", "CRDT", details(given, creditor, remittance, nested("Purp/Cd", "CHAR")),
            before="<AcctSvcrRef>BANK-1</AcctSvcrRef>" + nested("BkTxCd/Domn/Cd", "PMNT"),
        )
    )  # fmt: skip
    assert plain(line.detail) == {
        "end_to_end_id": "E-1", "mandate": "M-1", "creditor_id": "NL69ZZZ123456780000", "batch_reference": "P-1",
        "creditor_reference": "RF18539007547034", "message_reference": "F-1", "reference": "B-1",
        "text": "een twee drie vier", "purpose": "CHAR",
    }  # fmt: skip
    assert (line.entry.reference, line.entry.code) == ("BANK-1", "PMNT")


def test_a_batch_total_without_details_names_its_batch() -> None:
    said = "<MsgId>F-1</MsgId><PmtInfId>C-1</PmtInfId><NbOfTxs>49340</NbOfTxs>"
    [line] = one(entry("600000.00", "CRDT", tags("Btch", said)))
    assert (line.of, line.entry.batch_reference, line.entry.message_reference, line.entry.count) == (
        0,
        "C-1",
        "F-1",
        49340,
    )
    [line] = one(entry("600000.00", "CRDT", details(refs(PmtInfId="C-1", EndToEndId="NOTPROVIDED"))))
    assert line.entry.batch_reference == "C-1"


def test_several_batches_in_an_entry_are_its_parts() -> None:
    groups = [
        tags("NtryDtls", tags("Btch", f"<PmtInfId>C-{n}</PmtInfId><NbOfTxs>{n}</NbOfTxs>{amount(text, name='TtlAmt')}"))
        for n, text in ((1, "10.00"), (2, "20.00"))
    ]
    found = one(entry("30.00", "CRDT", after="".join(groups)))
    assert [(line.of, line.detail.batch_reference, line.detail.amount) for line in found] == [
        (1, "C-1", 1000), (2, "C-2", 2000),
    ]  # fmt: skip
    assert (found[0].entry.batch_reference, found[0].entry.count) == ("", 3)


def test_each_part_has_its_own_direction() -> None:
    parts = [details(amount(text), tags("CdtDbtInd", side)) for text, side in (("12.00", "CRDT"), ("2.00", "DBIT"))]
    assert [line.detail.amount for line in one(entry("10.00", "CRDT", *parts))] == [1200, -200]


def test_only_an_amount_in_the_entrys_currency_counts() -> None:
    foreign = tags("AmtDtls", nested("InstdAmt", amount("100.00", "SEK")) + nested("TxAmt", amount("8.85")))
    [line] = one(entry("8.85", "CRDT", details(foreign)))
    assert (line.detail.amount, line.detail.original_amount, line.detail.original_currency) == (885, 10000, "SEK")
    [line] = one(entry("8.85", "CRDT", details(amount("1000", "JPY"))))
    assert (line.entry.amount, line.detail.amount, line.detail.original_amount) == (885, None, 1000)


def test_charges_make_up_for_the_difference() -> None:
    parts = [details(amount("10.00")), details(amount("5.00"))]
    charges = tags("Chrgs", amount("0.50") + "<CdtDbtInd>DBIT</CdtDbtInd>")
    found = one(entry("14.50", "CRDT", *parts, before=charges))
    assert [(line.of, line.detail.amount, line.detail.purpose) for line in found] == [
        (1, 1000, ""), (2, 500, ""), (3, -50, "charges"),
    ]  # fmt: skip
    assert found[0].entry.charges == -50
    records = tags("Rcrd", amount("0.50")) + tags("Rcrd", amount("0.70") + "<ChrgInclInd>false</ChrgInclInd>")
    later = tags("Chrgs", amount("1.20", name="TtlChrgsAndTaxAmt") + records)
    [line] = one(entry("9.50", "CRDT", details(amount("10.00"), later)))
    assert (line.of, line.entry.amount, line.detail.amount, line.entry.charges) == (0, 950, None, -50)


def test_parts_that_do_not_add_up_are_told_as_one() -> None:
    parts = [
        details(refs(PmtInfId="C-1", EndToEndId=f"E-{n}"), amount("10.00"), nested("RmtInf/Ustrd", f"gift {n}"))
        for n in (1, 2)
    ]
    [line] = one(entry("25.00", "CRDT", *parts))
    assert line.of == 0
    assert plain(line.detail) == {"batch_reference": "C-1", "text": "gift 1 gift 2"}
    [line] = one(entry("20.00", "CRDT", details(amount("10.00")), details()))
    assert line.of == 0


def test_a_large_entry_is_told_in_portions_with_what_is_missing() -> None:
    parts = "".join(details(refs(EndToEndId=f"E-{n}"), amount("1.00")) for n in range(2500))
    batch = tags("Btch", "<PmtInfId>C-1</PmtInfId>")
    found = one(entry("2500.00", "CRDT", batch, parts, after="<AddtlNtryInf>verzamel</AddtlNtryInf>"))
    assert [line.of for line in found] == list(range(1, 2501))
    assert {id(line.entry) for line in found} == {id(found[0].entry)}
    assert (found[0].entry.text, found[0].entry.batch_reference) == ("verzamel", "C-1")
    assert {line.detail.batch_reference for line in found} == {"C-1"}
    found = one(entry("2501.00", "CRDT", parts, details()))
    assert (len(found), found[2500].detail.amount) == (2502, 0)
    assert (found[-1].of, found[-1].detail.amount, found[-1].detail.purpose) == (2502, 100, "difference")
    assert one(entry("2500.00", "CRDT", parts, status="PDNG")) == []


@pytest.mark.parametrize(
    ("told_balances", "opening", "closing"),
    [
        (balance("PRCD", "1.00") + balance("CLBD", "2.00"), 100, 200),
        (
            balance("PRCD", "9.00") + balance("OPBD", "1.00") + balance("CLBD", "2.00") + balance("CLAV", "3.00"),
            100,
            200,
        ),
        (balance("OPBD", "1.00") + balance("ITBD", "2.00"), 100, 200),
        (balance("ITBD", "1.00") + balance("ITBD", "2.00"), 100, 200),
        (balance("ITBD", "1.00") + balance("CLBD", "2.00"), 100, 200),
        (balance("ITBD", "2.00"), None, 200),
        (balance("OPBD", "5.00", currency="USD") + balance("OPBD", "1.00"), 100, None),
        (balance("OPBD", "3.00", "2026-11-25") + balance("OPBD", "1.00", "2026-11-24"), 100, None),
        (balance("OPBD", "1.00", side="DBIT"), -100, None),
    ],
)
def test_of_several_balances_those_around_the_entries_count(
    told_balances: str, opening: int | None, closing: int | None
) -> None:
    head, _ = told(camt(statement(told_balances)))
    assert isinstance(head, Head)
    assert (head.opening and head.opening.amount, head.closing and head.closing.amount) == (opening, closing)


def test_balances_behind_the_entries_are_told_with_the_tail() -> None:
    found = told(camt(statement(entry("1.00", "CRDT"), balance("OPBD", "1.00"), balance("CLBD", "2.00"))))
    assert [difference for _, _, difference in sums(found)] == [100]


def test_the_summary_is_told_with_the_tail() -> None:
    summary = tags("TxsSummry", tags("TtlNtries", "<NbOfNtries>2</NbOfNtries><Sum>3.50</Sum>"))
    assert told(camt(statement(summary)))[-1] == Tail("line 4", None, 2, 350)
    halves = "".join(
        tags(name, "<NbOfNtries>2</NbOfNtries><Sum>3.50</Sum>") for name in ("TtlCdtNtries", "TtlDbtNtries")
    )
    assert told(camt(statement(tags("TxsSummry", halves))))[-1] == Tail("line 4", None, 4, 700)


@pytest.mark.parametrize(
    ("written", "on"),
    [
        ("<Dt>2026-11-24</Dt>", date(2026, 11, 24)),
        ("<Dt>2026-11-24Z</Dt>", date(2026, 11, 24)),
        ("<DtTm>2026-11-24T23:30:00</DtTm>", date(2026, 11, 24)),
        ("<DtTm>2026-11-24T23:30:00Z</DtTm>", date(2026, 11, 25)),
        ("<DtTm>2026-11-24T00:30:00.123456789+02:00</DtTm>", date(2026, 11, 23)),
        ("<DtTm>2026-11-24T24:00:00</DtTm>", date(2026, 11, 25)),
    ],
)
def test_a_date_is_one_of_our_clock(written: str, on: date) -> None:
    content = everyday().replace("<BookgDt><Dt>2026-11-24</Dt></BookgDt>", f"<BookgDt>{written}</BookgDt>")
    assert {line.entry.booked_on for line in lines(content)} == {on}


@pytest.mark.parametrize(("written", "cents"), [("8.85", 885), ("8.85000", 885), ("8.8", 880), ("8", 800), (".5", 50)])
def test_an_amount_may_have_zeros_too_many(written: str, cents: int) -> None:
    assert one(entry(written, "CRDT"))[0].entry.amount == cents


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (entry("8.855", "CRDT"), "line 5, entry 1, Ntry/Amt: “8.855” has more decimals than EUR has (2)."),
        (entry("-8.85", "CRDT"), "line 5, entry 1, Ntry/Amt: “-8.85” is not an amount"),
        (entry("8,85", "CRDT"), "line 5, entry 1, Ntry/Amt: “8,85” is not an amount"),
        (entry("٨", "CRDT"), "line 5, entry 1, Ntry/Amt: “٨” is not an amount"),
        (entry("1" + "0" * 14, "CRDT"), "larger than any amount"),
        (entry("8.85", "BOTH"), "line 5, entry 1, Ntry: “BOTH” does not say which way the money went"),
        (entry("8.85", "CRDT", currency="euro"), "line 5, entry 1, Ntry/Amt: “euro” is not a currency code"),
        (entry("8.85", "CRDT", booked="24-11-2026"), "line 5, entry 1, Ntry/BookgDt: “24-11-2026” is not a date"),
        (entry("8.85", "CRDT", booked="2026-02-30"), "“2026-02-30” is not a date"),
        (entry("8.85", "CRDT", booked="0001-01-01"), "is not a date"),
        ("<Ntry><Sts>BOOK</Sts></Ntry>", "line 5, entry 1, Ntry: An entry has no amount (Amt)."),
        (f"<Ntry>{amount('1.00')}<CdtDbtInd>CRDT</CdtDbtInd></Ntry>", "An entry has no date (BookgDt)."),
        (entry("1.00", "CRDT", details(amount("1.005")), details()), "line 5, entry 1, TxDtls/Amt"),
        ("<Bal></Bal>", "line 5, Bal: A balance needs an amount and a date"),
        (balance("OPBD", "1.00", side=""), "does not say which way"),
    ],
)  # fmt: skip
def test_what_does_not_read_is_refused_with_its_place(content: str, words: str) -> None:
    with pytest.raises(BadBankFile) as refused:
        told(camt(statement("\n", content)))
    assert words in str(refused.value)


def test_a_file_on_one_line_counts_its_statements_and_entries() -> None:
    good, bad = entry("1.00", "CRDT"), entry("8,85", "CRDT", details(), details(amount("x")))
    pending = entry("1.00", "CRDT", status="PDNG")
    for inside, words in (
        ((statement(good, pending, bad),), "line 1, entry 3, Ntry/Amt: “8,85”"),
        ((statement(good), statement(good, bad)), "line 1, statement 2, entry 2, Ntry/Amt: “8,85”"),
        ((statement(good), statement("<Bal></Bal>")), "line 1, statement 2, Bal: A balance needs"),
        ((statement(good, bad.replace("8,85", "8.85")),), "line 1, entry 2, part 2, TxDtls/Amt: “x”"),
        (
            (statement(good), statement(good, "<Ntry><Amt>&x;</Amt></Ntry>")),
            "line 1, statement 2, entry 2: The file is",
        ),
    ):
        with pytest.raises(BadBankFile) as refused:
            told(camt(*inside).replace("\n", ""))
        assert str(refused.value).startswith(words)


def test_a_statement_says_which_account_it_is_about() -> None:
    with pytest.raises(BadBankFile, match=r"line 3: It does not say which account"):
        told(camt(statement(account="")))


def test_an_entry_that_only_has_a_value_date_is_booked_on_it() -> None:
    content = f"<Ntry>{amount('1.00')}<CdtDbtInd>CRDT</CdtDbtInd>{nested('ValDt/Dt', '2026-11-20')}</Ntry>"
    [line] = one(content)
    assert isinstance(line.entry, Entry)
    assert line.entry.booked_on == line.entry.value_on == date(2026, 11, 20)
