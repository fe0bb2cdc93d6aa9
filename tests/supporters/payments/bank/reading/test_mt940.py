"""What an MT940 tells, in the dialects of Dutch banks and in the general form."""

from __future__ import annotations

from datetime import date

import pytest

from supporters.payments.bank.told import BadBankFile, Balance, Detail, Entry, Head, Line, Tail
from tests.supporters.payments.bank.small_files import ABN, ING, RABO, THEM, US, lines, mt940, plain, sums, told


def test_a_statement_is_told_from_head_to_tail() -> None:
    head, first, second, tail = told(RABO)
    assert head == Head(
        kind="statement", format="MT940", place="line 1", ident="940S261124", number="7/1", account=US, currency="EUR",
        opening=Balance(10000, "EUR", date(2026, 11, 23)),
    )  # fmt: skip
    assert tail == Tail("line 10", Balance(11500, "EUR", date(2026, 11, 24)))
    assert isinstance(first, Line) and isinstance(second, Line)
    assert first.entry == Entry(
        place="line 5", position=1, amount=2500, currency="EUR", booked_on=date(2026, 11, 24),
        value_on=date(2026, 11, 24), code="N541",
    )  # fmt: skip
    assert plain(first.detail) == {
        "end_to_end_id": "GIFT-1", "name": "A. de Boer", "iban": THEM, "text": "Voor de zee",
    }  # fmt: skip
    assert plain(second.detail) == {
        "end_to_end_id": "D-0", "mandate": "M-0", "name": "D", "text": "Terug", "reason": "AM04",
    }  # fmt: skip
    assert [(total, difference) for _, total, difference in sums(told(RABO))] == [(1500, 1500)]


def test_abn_amro_writes_words_between_slashes_across_its_lines() -> None:
    [line] = lines(ABN)
    assert plain(line.detail) == {"name": "A. de Boer", "iban": THEM, "bic": "INGBNL2A", "text": "Voor de zee"}
    assert (line.entry.text, line.entry.code) == ("SEPA OVERBOEKING", "N658")


def test_ing_puts_the_other_party_in_one_word() -> None:
    [line] = lines(ING)
    assert (line.entry.reference, line.entry.own_reference, line.entry.code) == ("00000000001007", "", "NRTI")
    assert plain(line.detail) == {
        "end_to_end_id": "D-0", "mandate": "M-0", "creditor_id": "NL69ZZZ123456780000", "name": "D. Jansen",
        "iban": THEM, "bic": "INGBNL2A", "text": "Terug", "reason": "MS03",
    }  # fmt: skip


def one(entry: str, about: str = "") -> Line:
    [line] = lines(mt940(f":61:{entry}" + (f"\n:86:{about}" if about else "")))
    return line


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ("/PREF/C-2026-11-1//REMI/USTD//TOTAAL 2/", {"batch_reference": "C-2026-11-1", "text": "TOTAAL 2"}),
        ("/TRTP/SEPA INCASSO BATCH/PREF/C-2026-11-1/NRTX/10", {"batch_reference": "C-2026-11-1"}),
        (
            "/RTYP/SEPA Incasso niet uitgevoerd/MARF/M-0/RTRN/MS03/IBAN/NL69INGB0123456789/NAME/D/REMI/Mei, 1/EREF/D-0",
            {"end_to_end_id": "D-0", "mandate": "M-0", "name": "D", "iban": THEM, "text": "Mei, 1", "reason": "MS03"},
        ),
        ("/ORDP//NAME/Zee B.V./REMI/NR.1/2\nNR.3/4/ISDT/2026-11-24", {"name": "Zee B.V.", "text": "NR.1/2 NR.3/4"}),
        ("/ORDP//NAME/A/ULTD//NAME/B/REMI/x", {"name": "A", "text": "x"}),
        ("/ULTD//NAME/B/REMI/x", {"name": "B", "text": "x"}),
        ("/REMI/STRD/CUR/9307939999999991/", {"creditor_reference": "9307939999999991"}),
        ("/REMI/RF18539007547034", {"creditor_reference": "RF18539007547034", "text": "RF18539007547034"}),
        ("/CSID/NL69 ZZZ 123456780000/PURP/CD/CHAR", {"creditor_id": "NL69ZZZ123456780000", "purpose": "CHAR"}),
        ("/RTRN/Onbekende rekening/REMI/x", {"reason_text": "Onbekende rekening", "text": "x"}),
        ("/OCMT/USD100,00/EXCH/1,1/REMI/x", {"original_amount": 10000, "original_currency": "USD", "text": "x"}),
        (
            "SEPA OVERBOEKING                 IBAN: NL69INGB0123456789        \n"
            "BIC: INGBNL2A                    NAAM: A. de Boer\nOMSCHRIJVING: Voor de zee         KENMERK: GIFT-1",
            {"end_to_end_id": "GIFT-1", "name": "A. de Boer", "iban": THEM, "bic": "INGBNL2A", "text": "Voor de zee"},
        ),
        (
            "166?00GUTSCHRIFT?109249?20EREF+GIFT-1?21MREF+M-1?22SVWZ+Fuer das?23Meer?30INGBNL2A?31NL69INGB0123456789"
            "?32A. DE ?33BOER",
            {
                "end_to_end_id": "GIFT-1", "mandate": "M-1", "name": "A. DE BOER", "iban": THEM, "bic": "INGBNL2A",
                "text": "Fuer dasMeer",
            },
        ),
        ("109?00RUECKLASTSCHRIFT?20EREF+D-0?21SVWZ+RETURN AC04 KONTO", {
            "end_to_end_id": "D-0", "text": "RETURN AC04 KONTO", "reason": "AC04",
        }),
        (
            "000>100000000000\n>20INGBNL2A\n>21NL69INGB0123456789\n>22A. DE BOER VOOR DE ZEE EN M>23EER\n>310338505768",
            {"iban": THEM, "bic": "INGBNL2A", "text": "A. DE BOER VOOR DE ZEE EN MEER"},
        ),
        ("NL69INGB0123456789 A. de Boer", {"iban": THEM, "text": "NL69INGB0123456789 A. de Boer"}),
        ("STORNERING incasso M-0 AM04", {"text": "STORNERING incasso M-0 AM04", "reason": "AM04"}),
        ("Terugboeking van een incasso", {"text": "Terugboeking van een incasso", "reason_text": "Terugboeking"}),
        ("/TRTP/SEPA OVERBOEKING/REMI/storno graag", {"text": "storno graag"}),
    ],
)  # fmt: skip
def test_each_bank_has_its_own_way_to_say_it(about: str, expected: dict[str, object]) -> None:
    assert plain(one("2611241124C25,00NTRFNONREF", about).detail) == expected


def test_the_name_of_a_batch_and_its_count_are_the_entrys() -> None:
    line = one("2611241124C25,00NTRFPREF", "/TRTP/SEPA INCASSO BATCH/PREF/C-2026-11-1/NRTX/10")
    assert (line.entry.batch_reference, line.entry.count, line.entry.own_reference) == ("C-2026-11-1", 10, "")


@pytest.mark.parametrize(
    ("mark", "cents", "reversal"), [("C", 1250, False), ("D", -1250, False), ("RC", -1250, True), ("RD", 1250, True)]
)
def test_a_reversal_of_a_credit_takes_money_off(mark: str, cents: int, reversal: bool) -> None:
    entry = one(f"2611241124{mark}12,50NTRFNONREF").entry
    assert (entry.amount, entry.is_reversal) == (cents, reversal)


def test_what_is_only_expected_is_not_told() -> None:
    assert lines(mt940(":61:261124ED12,50NTRFNONREF\n:86:later", ":61:261124C1,00NTRFNONREF"))[0].entry.amount == 100


@pytest.mark.parametrize(
    ("written", "booked", "value"),
    [
        ("261124", date(2026, 11, 24), date(2026, 11, 24)),
        ("2612311231", date(2026, 12, 31), date(2026, 12, 31)),
        ("2612310102", date(2027, 1, 2), date(2026, 12, 31)),
        ("2701011231", date(2026, 12, 31), date(2027, 1, 1)),
    ],
)
def test_an_entry_is_booked_on_its_own_date_also_over_a_new_year(written: str, booked: date, value: date) -> None:
    entry = one(f"{written}C1,00NTRFNONREF").entry
    assert (entry.booked_on, entry.value_on) == (booked, value)


@pytest.mark.parametrize(
    ("written", "cents"), [("C12,5", 1250), ("C12,", 1200), ("CR000000012,50", 1250), ("C000000000585,60", 58560)]
)
def test_an_amount_may_be_short_or_filled_up(written: str, cents: int) -> None:
    assert one(f"261124{written}NTRFNONREF").entry.amount == cents


@pytest.mark.parametrize(
    ("written", "reference", "own", "account"),
    [
        ("NTRFMYREF//BANKREF\nNL69INGB0123456789", "BANKREF", "MYREF", THEM),
        ("N541EREF\n0663616476", "", "", "663616476"),
        ("NTRFEREF//00000000001005/TRCD/00100/", "00000000001005", "", ""),
        ("NTRFA-REFERENCE-LONGER-THAN-SIXTEEN//2026", "2026", "A-REFERENCE-LONGER-THAN-SIXTEEN", ""),
    ],
)
def test_an_entry_has_the_references_of_both(written: str, reference: str, own: str, account: str) -> None:
    line = one(f"2611241124C1,00{written}")
    assert (line.entry.reference, line.entry.own_reference) == (reference, own)
    assert (line.detail.iban or line.detail.account) == account


@pytest.mark.parametrize(
    "account", [US, f"{US}EUR", f"{US} EUR", f"ABNANL2A/{US}", "NL91 ABNA 0417 1643 00", f"{US}\nABNANL2A"]
)
def test_our_account_is_found_however_it_is_written(account: str) -> None:
    head = told(mt940(account=account))[0]
    assert isinstance(head, Head)
    assert head.account == US


@pytest.mark.parametrize(
    ("account", "number"),
    [("517852257", "517852257"), ("517852257EUR", "517852257"), ("TRIODOSBANK/0338505768", "0338505768")],
)
def test_our_account_may_have_a_number_of_the_banks_own(account: str, number: str) -> None:
    head = told(mt940(account=account))[0]
    assert isinstance(head, Head)
    assert head.account == number


def test_pages_of_a_statement_are_statements_with_their_own_balances() -> None:
    first = mt940(":61:261124C1,00NTRFNONREF", closing="C261124EUR101,00").replace("62F", "62M")
    second = mt940(":61:261124C2,00NTRFNONREF", opening="C261124EUR101,00", closing="C261124EUR103,00")
    found = told(first + second.replace("60F", "60M").replace("7/1", "7/2"))
    assert [(head.number, total, difference) for head, total, difference in sums(found)] == [
        ("7/1", 100, 100), ("7/2", 200, 200),
    ]  # fmt: skip


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1"])
def test_line_ends_and_encodings_do_not_matter(ending: str, encoding: str) -> None:
    content = RABO.replace("de Boer", "de Bœr" if encoding != "latin-1" else "de Bør").replace("\n", ending)
    names = [line.detail.name for line in lines(content.encode(encoding))]
    assert names == ["A. de Bœr" if encoding != "latin-1" else "A. de Bør", "D"]


@pytest.mark.parametrize(
    "around", ["{}", ":940:\n{}", "{{1:F01}}{{2:I940}}{{4:\n{}-}}{{5:{{CHK:1}}}}\n", "\n\n{}\n\x1a"]
)
def test_what_stands_around_a_statement_does_not_matter(around: str) -> None:
    assert [line.detail for line in lines(around.format(RABO))] == [line.detail for line in lines(RABO)]


def test_text_may_look_like_an_end_or_a_field() -> None:
    line = one("261124C1,00NTRFNONREF", "om\n-\n:15:30 uur")
    assert line.detail == Detail(text="om - :15:30 uur")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (RABO.replace(":60F:C261123EUR100,00\n", ""), "line 4: The statement has no opening balance"),
        (RABO.replace(":62F:C261124EUR115,00\n-\n", ""), "line 9: The statement that begins on line 1 ends without"),
        (RABO.replace(":62F:C261124EUR115,00\n", "") + RABO, "line 11: The statement that begins on line 1 ends"),
        (RABO.replace(":60F:C261123", ":60F:C261323"), "line 4: “C261323EUR100,00” has a date or an amount"),
        (RABO.replace(":60F:C", ":60F:X"), "line 4: “X261123EUR100,00” is not a balance"),
        (RABO.replace(":61:261124D", ":61:26112D"), "line 8: “26112D10,00N545MARF” is not an entry"),
        (RABO.replace("C000000000025,00", "C025,001"), "line 5: “25.001” has more decimals than EUR has (2)."),
        (RABO.replace("C000000000025,00", "C0,2,5"), "line 5: “261124C0,2,5N541EREF"),
        (RABO.replace(":62F:C261124EUR", ":62F:C261124USD"), "line 10: The closing balance is in USD"),
        (RABO.replace("-\n", ":61:261124C1,00NTRF\n"), "line 11: An entry stands behind the closing balance."),
        (RABO.replace(f":25:{US}\n", ""), "It does not say which account"),
        (RABO.replace(":61:261124D", ":60F:C261123EUR1,00\n:61:261124D"), "line 8: The statement has a second opening"),
        (RABO + "ABNANL2A\n", "line 12: The file ends where a statement should begin."),
        (RABO.replace("Terug", "Te\0rug"), "line 9: The line holds a NUL byte"),
        (RABO.replace("Terug", "Terug" * 3000), "line 9: The line is longer than"),
        (RABO.replace("Terug", "Terug\n" * 600), "One field has more than 500 lines."),
    ],
)  # fmt: skip
def test_what_does_not_read_is_refused_with_its_line(content: str, words: str) -> None:
    with pytest.raises(BadBankFile) as refused:
        told(content)
    assert words in str(refused.value)
