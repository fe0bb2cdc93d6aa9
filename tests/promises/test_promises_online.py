"""The promises of the design that online payments keep too, by their numbers.

3: see also any order and any repetition (test_any_order), sixteen workers and kill -9 (test_kill) beside the cashier.
"""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from supporters.giving.commitment import Commitment
from supporters.giving.gateway_mandate import GatewayMandate
from supporters.giving.gift import Gift
from supporters.lifecycle.death import Death
from supporters.payments.online import jobs, own_page
from supporters.payments.payment import Payment
from supporters.people.supporter import Supporter
from tests.cast import ANNA
from tests.modules import tables
from tests.supporters.payments.online.till import Till
from tests.supporters.web.conftest import Counter
from tests.supporters.web.test_coming_back import begun, books


def test_promise_03_a_payment_online_books_at_most_one_gift(till: Till) -> None:
    checkouts = [till.checkout(submission_key="one form") for _ in range(2)]
    online, again = (till.cashier.begin(each) for each in checkouts)
    assert online.payment_id == again.payment_id
    assert online.external_id is not None
    till.vendor.pay(online.external_id)
    for _ in range(2):
        till.news(online.external_id)
        till.cashier.sync(online.payment_id, "return")
        till.later(days=1)
        jobs.poll_gateways(till.work)
        jobs.catch_up(till.work)
        till.cashier.sync(online.payment_id, "person")
    assert (till.gifts(), till.mails()) == ([(2500, 2500)], ["gift_receipt"])
    table = tables().tables["supporters_payment_fact"]
    names = {each.name for each in (*table.constraints, *table.indexes)}
    assert {"uq_supporters_payment_fact_account_kind_external_id", "uq_supporters_payment_fact_received"} <= names
    columns = ", ".join(column.name for column in table.columns if column.name != "id")
    for other in (columns, columns.replace("external_id", "'of another name'")):
        with till.session() as session, pytest.raises(IntegrityError):
            session.execute(
                text(f"INSERT INTO supporters_payment_fact ({columns}) SELECT {other} FROM supporters_payment_fact")
            )


def test_promise_09_death_ends_what_was_promised_online(till: Till) -> None:
    till.charged()
    till.later(days=31)
    with till.session() as session:
        Death.report(session, session.scalars(select(Supporter)).one(), source="family", by=ANNA, now=till.now)
        session.commit()
        before = len(session.scalars(select(Payment.id)).all())
    for _ in range(3):
        jobs.charge_due(till.work)
        jobs.gateway_mandates(till.work)
        till.later(days=31)
    with till.session() as session:
        assert session.scalars(select(Commitment.end_reason)).all() == ["deceased"]
        assert session.scalars(select(GatewayMandate.state)).all() == ["ended"]
        assert len(session.scalars(select(Payment.id)).all()) == before
    assert [mandate.state for mandate in till.gateway.vendor.mandates.values()] == ["invalid"]


def test_promise_13_opening_a_page_of_a_payment_decides_nothing(site: Counter, visitor: FlaskClient) -> None:
    lasting = begun(visitor, "/api/commitments", interval="month", method="card")
    site.vendor.pay(site.external_id)
    visitor.get(f"/give/{lasting}")  # A look at the vendor, who says that it was paid.
    open_, failed = begun(visitor), begun(visitor, amount="30")
    site.vendor.fail(site.external_id)
    visitor.get(f"/give/{failed}")
    supporters = site.app.extensions["supporters"]
    with site.app.app_context():
        ada = supporters.session.scalars(select(Supporter)).one()
        mine = own_page.link(supporters.session, ada, settings=supporters.settings, now=supporters.now())
        supporters.session.rollback()
    before = books(site)
    for page in (
        *(f"/give/{token}" for token in (lasting, open_, failed)), f"/give/{open_}?payment=paid&status=succeeded",
        f"/api/checkouts/{open_}", mine.removeprefix("https://give.charity.example"),
    ):  # fmt: skip
        for _ in range(2):
            assert visitor.get(page).status_code == 200
    assert books(site) == before
    assert site.all(Gift.amount) == [2500]
