"""The table of reasons: every code once for each day, and the banks' own words lead to one."""

from __future__ import annotations

from datetime import date

import pytest

from supporters.payments.returns.reasons import ACTIONS, LAUNCH, TABLE, reason_of, recognised, says_more

#: What the issue of a charity names, and what every bank in SEPA may send.
NEEDED = {
    "AC01", "AC04", "AC06", "AC13", "AG01", "AG02", "AM04", "AM05", "BE04", "BE05", "CNOR", "DNOR", "FF01", "FF05",
    "MD01", "MD02", "MD06", "MD07", "MS02", "MS03", "RC01", "RR01", "RR02", "RR03", "RR04", "SL01", "SL11", "SL12",
    "SL13", "SL14", "FOCR", "DT01", "DUPL", "TECH", "CUST", "ED05", "ARDT",
}  # fmt: skip


def test_every_code_a_bank_may_send_is_there_with_all_that_people_need() -> None:
    codes = {row.code for row in TABLE}
    assert codes >= NEEDED
    for row in TABLE:
        assert row.who in ("bank", "donor", "us") and row.action in ACTIONS and row.action != "end", row
        assert row.meaning and row.source and row.valid_from >= LAUNCH, row
        assert 0 <= row.points <= 3, row
        assert row.who != "us" or row.points == 0, f"our own mistake costs the donor nothing: {row}"
    assert len({(row.code, row.valid_from) for row in TABLE}) == len(TABLE)


def test_a_code_means_what_it_meant_on_the_day() -> None:
    assert "no longer taken" not in reason_of("RR02", date(2024, 10, 31)).meaning
    assert "no longer taken" in reason_of("RR02", date(2024, 11, 1)).meaning
    assert "no longer taken" in reason_of("RR02").meaning
    assert reason_of("AM04", date(2001, 1, 1)).code == "AM04"


@pytest.mark.parametrize(
    ("code", "who", "action", "points"),
    [
        ("AC01", "bank", "ask_iban", 3),
        ("AC04", "bank", "ask_iban", 3),
        ("AM04", "bank", "retry", 1),
        ("AM05", "us", "investigate", 0),
        ("MD01", "donor", "end_mandate", 3),
        ("MD06", "donor", "hold_and_call", 1),
        ("MD07", "bank", "deceased", 0),
        ("FF01", "us", "fix_data", 0),
    ],
)
def test_what_is_done_about_it(code: str, who: str, action: str, points: int) -> None:
    row = reason_of(code)
    assert (row.who, row.action, row.points) == (who, action, points)


def test_a_code_nobody_knows_is_held_and_shown_as_the_bank_says_it() -> None:
    for code in ("ZZ99", "", "914"):
        row = reason_of(code)
        assert (row.code, row.action, row.is_vague) == (code, "hold_and_call", True)


@pytest.mark.parametrize(
    ("reason", "told", "code"),
    [
        ("AC06", "", "AC06"),
        (" md06 ", "whatever", "MD06"),
        ("", "/TRTP/SEPA INCASSO STORNO/RTRN/MD06/EREF/I12-1", "MD06"),
        ("", "STORNO ONVOLDOENDE SALDO", "AM04"),
        ("Saldo ontoereikend", "", "AM04"),
        ("", "Rekeningnummer vervallen", "AC04"),
        ("", "REKENING OPGEHEVEN", "AC04"),
        ("", "Rekeningnummer onbekend", "AC01"),
        ("", "GEEN INCASSOMACHTIGING VERSTREKT", "MD01"),
        ("", "TERUGBOEKING MELDING  ONTERECHTE INCASSO", "MD01"),
        ("", "STORNERING OP VERZOEK", "MD06"),
        ("", "Niet akkoord met afschrijving", "MD06"),
        ("", "Dubbel betaald", "AM05"),
        ("", "Naam/nummer stemmen niet overeen", "BE01"),
        ("", "Rekeningnummer geblokkeerd", "AC06"),
        ("", "Selektieve incasso blokkade", "SL12"),
        ("", "Rekeningnummer WKA", "AG01"),
        ("", "ADMINISTRATIEVE REDEN", "MS03"),
        ("", "Rekeninghouder overleden", "MD07"),
        ("", "STORNO", ""),
        ("", "", ""),
        ("ZZ99", "ONVOLDOENDE SALDO", "ZZ99"),
        ("914", "", "914"),
        ("", "THANK YOU CUST TECH CURR", ""),
        ("", "Mandaat XAM04Y of I1AM04-1", ""),
        ("x" * 99, "", "X" * 40),
    ],
)
def test_the_banks_words_lead_to_a_code(reason: str, told: str, code: str) -> None:
    assert recognised(reason, told) == code


@pytest.mark.parametrize(
    ("new", "known", "more"),
    [
        ("AM04", "", True), ("AM04", "MS03", True), ("MD06", "MS02", True), ("AM04", "ZZ99", True), ("ZZ99", "", True),
        ("MS03", "AM04", False), ("", "MS03", False), ("MD01", "MD06", False), ("MD06", "MD06", False), ("", "", False),
    ],
)  # fmt: skip
def test_which_of_two_codes_says_more(new: str, known: str, more: bool) -> None:
    assert says_more(new, known) is more
