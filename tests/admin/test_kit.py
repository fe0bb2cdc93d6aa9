"""The kit: lists, forms, charts, and how money and dates are written."""

from __future__ import annotations

import io
from datetime import date

import pytest
from sqlalchemy import func
from werkzeug.datastructures import MultiDict

from admin import i18n
from admin.kit.charts import Chart, Series, nice_step
from admin.kit.forms import DateField, Form, IbanField, MoneyField, required
from admin.kit.lists import CAP, Column, Filter, Listing
from supporters import Fund, Money
from supporters.payments.bank.reading import read_statements
from supporters.payments.bank.told import BadBankFile
from supporters.spreadsheet import harmless


class SampleForm(Form):
    amount = MoneyField("Amount", [required()])
    iban = IbanField("IBAN")
    on = DateField("Day")


def filled(app, **values):
    with app.test_request_context(method="POST", data=values):
        form = SampleForm(MultiDict(values))
        return form.validate(), form


@pytest.mark.parametrize(("typed", "cents"), [("12,50", 1250), ("12.50", 1250), ("€ 1.234,56", 123456), ("7", 700)])
def test_money_is_read_as_people_type_it(admin_app, typed, cents):
    valid, form = filled(admin_app, amount=typed)
    assert valid and form.amount.data == Money(cents)


@pytest.mark.parametrize(
    ("typed", "said"),
    [("1.000", "can mean two amounts"), ("12,5O", "letter O"), ("", "Fill this in"), ("abc", "not an amount")],
)
def test_what_is_not_an_amount_is_said_beside_the_field_and_what_was_typed_stays(admin_app, typed, said):
    valid, form = filled(admin_app, amount=typed)
    assert not valid and said in " ".join(map(str, form.amount.errors))
    assert form.amount._value() == typed


def test_an_iban_one_digit_short_is_refused_with_what_would_be_right(admin_app):
    valid, form = filled(admin_app, amount="1", iban="nl91 abna 0417 1643 0")
    assert not valid and "NL has 18 characters, this has 17" in form.iban.errors[0]
    assert filled(admin_app, amount="1", iban="nl91 abna 0417 1643 00")[1].iban.data == "NL91ABNA0417164300"


@pytest.mark.parametrize("typed", ["31-02-2026", "2026-02-31", "soon"])
def test_a_day_that_does_not_exist_is_refused(admin_app, typed):
    valid, form = filled(admin_app, amount="1", on=typed)
    assert not valid and form.on.errors == ["There is no such day; write it as 31-12-2026."]


def test_a_typed_dutch_date_is_read(admin_app):
    assert filled(admin_app, amount="1", on="31-12-2026")[1].on.data == date(2026, 12, 31)


def test_money_and_dates_are_written_as_the_reader_expects(admin_app):
    for language, money, day, growth in (
        ("nl", "€ 1.234,56", "3 januari 2022", "+12,5%"),
        ("en", "€1,234.56", "3 January 2022", "+12.5%"),
    ):
        with admin_app.test_request_context(headers={"Accept-Language": language}):
            assert i18n.money(123456).replace("\u00a0", " ") == money
            assert i18n.day(date(2022, 1, 3)) == day
            assert i18n.percent(12.5).replace("\u00a0", "") == growth


def test_what_is_wrong_with_a_banks_file_is_said_with_its_place(admin_app):
    with pytest.raises(BadBankFile) as cut_off:
        list(read_statements(io.BytesIO(b"<Document>\n<BkToCstmrStmt><Stmt>")))
    with pytest.raises(BadBankFile) as web_page:
        list(read_statements(io.BytesIO(b"<html>")))
    with admin_app.test_request_context(headers={"Accept-Language": "nl"}):
        assert i18n.say(cut_off.value).startswith("regel 2: Het bestand houdt op voor het compleet is")
        assert i18n.say(web_page.value).startswith("Dit is een webpagina (HTML), geen afschrift van een bank")


@pytest.fixture
def session(admin_app):
    with admin_app.app_context():
        yield admin_app.extensions["sqlalchemy"].session


# --- lists -----------------------------------------------------------------------------------------------------


@pytest.fixture
def funds(admin_app, session):
    for number in range(23):
        session.add(Fund(code=f"f{number:02}", name=f"Fund {number % 5}", is_restricted=number % 2 == 0))
    session.commit()
    from sqlalchemy import select

    return Listing(
        endpoint="overview", title="Funds", query=lambda: select(Fund), key=Fund.id, per_page=5, default_sort="name",
        amount=func.length(Fund.code),
        columns=(
            Column("name", "Name", lambda f: f.name, sort=Fund.name),
            Column("code", "Code", lambda f: f.code, sort=Fund.code),
        ),
        filters=(
            Filter(
                "restricted", "Restricted", lambda q, v: q.where(Fund.is_restricted.is_(v == "yes")),
                choices=lambda: [("yes", "Yes"), ("no", "No")],
            ),
        ),
    )  # fmt: skip


def walk(listing, session, args):
    from urllib.parse import parse_qsl, urlsplit

    pages = []
    while True:
        page = listing.page(session, args)
        pages.append([f.code for f in page.rows])
        if page.later is None:
            return pages, page
        args = dict(parse_qsl(urlsplit(page.later).query))


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_pages_by_key_show_every_row_once_even_where_the_sorted_value_repeats(admin_app, session, funds, direction):
    from urllib.parse import parse_qsl, urlsplit

    with admin_app.test_request_context():
        pages, last = walk(funds, session, {"sort": "name", "dir": direction})
        shown = [code for page in pages for code in page]
        assert sorted(shown) == sorted({*shown}) and len(shown) == 23
        back = funds.page(session, dict(parse_qsl(urlsplit(last.earlier).query)))
        assert [f.code for f in back.rows] == pages[-2]


def test_a_list_counts_and_adds_up_what_the_filter_leaves(admin_app, session, funds):
    with admin_app.test_request_context():
        page = funds.page(session, {"restricted": "yes"})
        assert (page.count, page.capped, page.total) == (12, False, Money(36))


def test_counting_stops_at_the_cap(admin_app, session, funds, monkeypatch):
    monkeypatch.setattr("admin.kit.lists.CAP", 10)
    with admin_app.test_request_context():
        page = funds.page(session, {})
    assert (page.count, page.capped, page.total) == (10, True, None)
    assert CAP == 10_000


@pytest.mark.parametrize("junk", ["x", "W10", "e30", "WyJhIiwgImIiXQ", "null" * 300])
def test_a_mistyped_address_shows_the_first_page(admin_app, session, funds, junk):
    with admin_app.test_request_context():
        assert (
            len(funds.page(session, {"after": junk, "sort": "nonsense", "dir": "up", "restricted": "maybe"}).rows) == 5
        )


def test_the_file_holds_every_row_and_runs_no_formula(admin_app, session, funds):
    session.add(Fund(code="evil", name="=HYPERLINK(1)"))
    session.commit()
    with admin_app.test_request_context():
        text = "".join(funds.csv(session, {}))
    assert text.startswith("\ufeffName;Code\r\n")
    assert text.count("\r\n") == 25
    assert "'=HYPERLINK(1);evil" in text


@pytest.mark.parametrize("cell", ["=1+1", "+31", "-2", "@x", "\tx"])
def test_a_cell_that_a_spreadsheet_would_run_is_guarded(cell):
    assert harmless(cell) == f"'{cell}"


# --- charts ----------------------------------------------------------------------------------------------------


def test_a_chart_says_in_a_table_what_its_bars_show_and_styles_nothing(admin_app, client_as):
    with admin_app.test_request_context(headers={"Accept-Language": "en"}):
        from flask import request

        request.url_rule = next(r for r in admin_app.url_map.iter_rules() if r.endpoint == "achterban_admin.overview")
        html = Chart(
            "Income", ["Jan", "Feb"], [Series("2026", [120000, -5000]), Series("2025", [80000, None])]
        ).__html__()
    assert html.count("<rect ") == 5  # three bars, two legends
    assert "<title>Jan, 2026: €1,200</title>" in html
    assert "style=" not in html
    assert html.count("<tr>") == 3


def test_bars_stay_visible_however_many_there_are(admin_app):
    with admin_app.test_request_context("/"):
        chart = Chart("A week", [""] * 168, [Series("Sent", [1] * 168), Series("Confirmed", [1] * 168)])
    assert min(float(str(bar["width"])) for bar in chart.bars) > 0


def test_an_empty_chart_still_has_an_axis(admin_app):
    with admin_app.test_request_context():
        assert Chart("Nothing", ["Jan"], [Series("2026", [0])]).ticks


@pytest.mark.parametrize(("rough", "step"), [(0.2, 1), (3, 5), (12, 20), (24, 25), (260, 500), (1000, 1000)])
def test_axis_steps_are_round(rough, step):
    assert nice_step(rough) == step
