"""The demo at a hundredth of its size, on both databases: its figures, its rows, and the command that builds it."""

from __future__ import annotations

import hashlib
import json
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

import supporters.public  # noqa: F401  (every model and hook, as an application has them)
from admin.app import create_app
from admin.demo import building, gateways, names, petitions
from admin.demo.command import USERS, _next_commands, create_demo, make
from admin.demo.plan import EARMARK, LOTTERY, NOW, Plan
from admin.demo.runs import ANNA, BRAM
from admin.labels import choices
from campaigns import Account, Counter, FundraisingPage, Match
from campaigns.crowdfunding.report import edition_of
from campaigns.petitions.form import SignatureForm
from campaigns.petitions.handover import Handover
from campaigns.petitions.offline import OfflineCount
from campaigns.petitions.petition import Petition
from campaigns.petitions.removal import RemovalRun
from campaigns.petitions.signature import CONFIRMED, SIGNED, STATES, Publication, Signature, SignaturePerson
from campaigns.petitions.tally import TallyEvent, TallyHour
from campaigns.petitions.update import PetitionUpdate
from supporters import audit, registry
from supporters.actor import Actor
from supporters.errors import Refused
from supporters.giving.fund import Fund
from supporters.giving.gift import Designation, Gift
from supporters.giving.months import add_months
from supporters.mail.message import OutboxMessage
from supporters.mail.templating import charity_name
from supporters.money import Money
from supporters.payments.sepa.account import CreditorAccount
from supporters.payments.sepa.batch import CollectionBatch
from supporters.people.bank_account import clean_iban
from supporters.people.consent import address_key, may_contact
from supporters.people.contact import clean_email, clean_phone, clean_postcode
from supporters.people.search import search
from supporters.people.supporter import Supporter
from supporters.reports.year import Figure, YearReport, monthly_income
from supporters.sealing import keyring
from supporters.settings import Settings
from supporters.tasks import Task
from tests.databases import KEYRING, PostgresDatabases, SqliteDatabases

#: What makes a demo the same demo: rows by what they say, whatever their keys.
DUMP = (
    "SELECT id, kind, first_name, initials, prefix, surname, organisation_name, birth_date, sort_name, joined_on,"
    " deceased_on, language, source_code FROM supporters_supporter",
    "SELECT supporter_id, kind, value, street, house_number, postcode, city FROM supporters_contact_point",
    "SELECT supporter_id, iban, bic FROM supporters_bank_account",
    "SELECT token, supporter_id FROM supporters_search_token",
    "SELECT household_id, supporter_id, from_on FROM supporters_household_member",
    "SELECT supporter_id, reference, signed_on, first_used_on, last_used_on, cancelled_on FROM supporters_mandate",
    "SELECT id, supporter_id, started_on, ended_on, end_reason, next_number, next_due_on FROM supporters_commitment",
    "SELECT commitment_id, amount, interval_months, anchor_on, first_number, last_number FROM supporters_term",
    "SELECT commitment_id, from_on, until_on FROM supporters_pause",
    "SELECT commitment_id, number, due_on, amount, status FROM supporters_instalment",
    "SELECT i.commitment_id, i.number, p.amount, p.state, p.iban, p.sequence_type, p.collect_on"
    " FROM supporters_payment p JOIN supporters_instalment i ON i.id = p.instalment_id",
    "SELECT supporter_id, amount, received_on, kind, source_code, description, commitment_id FROM supporters_gift",
    "SELECT g.supporter_id, r.amount, r.reversed_on, r.kind, r.reason_code"
    " FROM supporters_reversal r JOIN supporters_gift g ON g.id = r.gift_id",
    "SELECT kind, text, supporter_id, due_on FROM supporters_task",
    "SELECT state, count, total, collect_on FROM supporters_collection_batch",
    "SELECT slug, title, state, confirm_policy FROM campaigns_petition",
    "SELECT petition_id, address_key, name_key, state, locale, source, end_reason, mails FROM campaigns_signature",
    "SELECT petition_id, source, signed, confirmed, offline FROM campaigns_tally_hour",
    "SELECT petition_id, state, name, town, comment FROM campaigns_publication",
    "SELECT stage, kind, amount, counted_on, gift_id, match_id FROM campaigns_counter_entry",
    "SELECT gift_id, page_id, placement_id, how, standing FROM campaigns_credit",
    "SELECT purpose, scope, CASE WHEN granted THEN 1 ELSE 0 END, text_id, evidence, by FROM supporters_consent",
    "SELECT template, subject_id, locale, key, priority, state, reason FROM supporters_outbox_message",
)


def digest(engine: Engine) -> str:
    found = hashlib.sha256()
    with engine.connect() as connection:
        for query in DUMP:
            for line in sorted(repr([str(value) for value in row]) for row in connection.execute(text(query))):
                found.update(line.encode())
    return found.hexdigest()


@pytest.fixture(scope="module")
def demo(databases: SqliteDatabases | PostgresDatabases) -> Iterator[Engine]:
    engine = databases.create()
    building.build(engine)
    yield engine
    databases.drop(engine)


@pytest.fixture(scope="module")
def again(sqlite_databases: SqliteDatabases) -> Iterator[Engine]:
    """A second build."""
    engine = sqlite_databases.create()
    building.build(engine)
    yield engine
    sqlite_databases.drop(engine)


@pytest.fixture
def look(demo: Engine) -> Iterator[Session]:
    with Session(demo) as session:
        yield session
        session.rollback()


def test_the_crowdfunding_counter_stands_above_its_mark_at_the_end_of_the_year_from_rows(look: Session) -> None:
    account = Account.of(look, edition_of(look, "samen-voor-gezinnen", date(2021, 12, 31)), date(2021, 12, 31))
    assert account.edition.slug == "samen-voor-gezinnen-2021"
    assert account.counter.received.amount > 900_00
    assert account.counter.on_its_way == Money.eur("18.40")
    assert sum(each.amount.amount for each in account.sources if each.stage != "promised") == (
        account.counter.public.amount
    )
    told = {(each.kind, each.evidence, each.source) for each in account.sources}
    assert told >= {
        ("other", "gift", "trouw"), ("other", "gift", "radio-2"), ("other", "reversal", ""),
        ("cash", "document", ""), ("match", "match", "facebook"),
    }  # fmt: skip
    assert {spent.placement.code for spent in account.placements if spent.cents_per_euro} >= {"trouw", "npo-1"}
    pages = look.scalars(select(FundraisingPage).order_by(FundraisingPage.id)).all()
    assert [page.state for page in pages] == ["live", "live", "waiting"]
    assert all(Counter.read(look, account.edition, of=page).public.amount > 0 for page in pages[:2])
    [match] = look.scalars(select(Match))
    assert 0 < match.given <= match.most < match.promised
    earlier = edition_of(look, "samen-voor-gezinnen", date(2020, 12, 31))
    assert (earlier.slug, earlier.state) == ("samen-voor-gezinnen-2020", "reported")
    assert Counter.read(look, earlier).public.amount > 310_00


def test_a_hundredth_of_the_demo_adds_up_to_a_hundredth_of_the_published_figures(look: Session) -> None:
    found = YearReport.of(look, 2021)
    assert found.donors == Figure(871, 757)
    assert found.income_from_donors_cents == Figure(10_082_000, 7_468_000)
    assert found.bequests_cents == Figure(1_700_000, 600_000)
    assert found.gifts_of_the_living_cents == Figure(8_382_000, 6_868_000)
    assert found.commitments_active == Figure(493, 455)
    assert str(found.income_from_donors_cents.growth_percent) == "35.0"
    by_category = {name: figure.this_year for name, figure in found.income_by_category.items()}
    assert by_category["lotteries"] == 10_000_000
    assert by_category["other_nonprofits"] == 1_209_000
    assert by_category["governments"] == 10_170_000 + 1_062_000 + 1_077_000


def test_at_full_size_the_plan_is_what_was_published() -> None:
    full = Plan.of(1).years
    assert (full[2021].donors, full[2020].donors) == (87_100, 75_739)
    assert (full[2021].at_end, full[2020].at_end) == (49_340, 45_500)
    assert full[2021].living + full[2021].bequests == 1_008_200_000
    for name, growth in (("donors", "15.0"), ("living", "22.0")):
        assert str(Figure(getattr(full[2021], name), getattr(full[2020], name)).growth_percent) == growth


def test_the_lotterys_earmark_is_in_a_fund_of_its_own(look: Session) -> None:
    earmarked = (
        select(func.sum(Designation.amount))
        .join(Gift, Gift.id == Designation.gift_id)
        .join(Fund, Fund.id == Designation.fund_id)
        .join(Supporter, Supporter.id == Gift.supporter_id)
        .where(Fund.code == EARMARK, Fund.is_restricted, Supporter.organisation_name == LOTTERY)
    )
    assert look.scalar(earmarked) == 2_000_000


def test_the_months_add_up_to_the_year(look: Session) -> None:
    report, months = YearReport.of(look, 2021), monthly_income(look, 2021)
    assert sum(m.living_cents for m in months if m.year == 2021) == report.gifts_of_the_living_cents.this_year
    assert sum(m.bequests_cents for m in months if m.year == 2020) == report.bequests_cents.last_year
    assert all(m.living_cents > 0 for m in months)


def test_every_promise_holds(look: Session) -> None:
    assert registry.checks
    assert list(registry.findings(look, now=NOW)) == []


def test_two_builds_are_the_same_on_either_database(demo: Engine, again: Engine) -> None:
    assert digest(again) == digest(demo)


def test_the_collections_were_run_by_two_people_and_some_came_back(look: Session) -> None:
    batches = look.scalars(select(CollectionBatch)).all()
    assert len(batches) == 24
    assert {batch.state for batch in batches} == {"booked"}
    assert all(batch.prepared_by == ANNA.key and batch.approved_by == BRAM.key for batch in batches)
    codes = look.scalars(text("SELECT DISTINCT reason_code FROM supporters_reversal WHERE kind = 'return'")).all()
    assert {"AM04", "MD06"} <= set(codes)


def test_a_newcomer_can_prepare_and_approve_the_january_collection(look: Session) -> None:
    account = CreditorAccount.only(look)
    batch = CollectionBatch.prepare(look, account, on=date(2022, 1, 10), by=ANNA, now=NOW)
    assert batch.count > 100
    reasons = set(
        look.scalars(
            text("SELECT reason FROM supporters_collection_exclusion WHERE batch_id = :id").bindparams(id=batch.id)
        )
    )
    assert {"not_announced", "mandate_lapsed", "no_mandate", "paused"} <= reasons
    batch.approve(look, by=BRAM, now=NOW)
    assert batch.files[0].count == batch.count


def test_there_is_work_waiting_and_somebody_to_thank(look: Session) -> None:
    assert look.scalar(select(func.count()).select_from(Task).where(Task.done_at.is_(None))) >= 5
    waiting = select(func.count()).where(Gift.thanked_at.is_(None), Gift.commitment_id.is_(None), Gift.kind == "gift")
    assert look.scalar(waiting)


def test_people_are_found_by_what_is_known_of_them(look: Session) -> None:
    someone = look.scalars(select(Supporter).where(Supporter.kind == "person").order_by(Supporter.id)).first()
    assert someone is not None
    assert someone in search(look, someone.number)
    assert someone in search(look, f"{someone.surname} {someone.initials}")


HEADLINES = {"wij-horen-er-ook-bij": 56_512, "bied-afghanen-bescherming": 40_538}


@pytest.mark.parametrize("slug", HEADLINES)
def test_a_petition_shows_a_hundredth_of_its_published_number(look: Session, slug: str) -> None:
    petition = Petition.by_slug(look, slug)
    assert petition.headline(petition.count(look, now=NOW)) == HEADLINES[slug] // 100
    assert petition.state == "closed"
    assert len(look.scalars(select(OfflineCount).where(OfflineCount.petition_id == petition.id)).all()) >= 1


def test_the_goals_of_a_petition_are_of_its_size(look: Session) -> None:
    for petition in look.scalars(select(Petition).where(Petition.state != "draft")):
        reached = petition.headline(petition.count(look, now=NOW))
        assert petition.goals and min(petition.goals) <= 2 * reached, petition.slug
        assert all(goal <= 3 * reached for goal in petition.goals), petition.slug


def test_at_full_size_the_petitions_are_the_published_numbers() -> None:
    asked = {ask.slug: ask.headline for ask in petitions.ASKS}
    assert asked["wij-horen-er-ook-bij"] > 56_500
    assert asked["bied-afghanen-bescherming"] > 40_500
    assert sum(asked.values()) > 110_000


def test_the_counts_of_every_petition_are_those_of_its_rows(look: Session) -> None:
    for petition in look.scalars(select(Petition)):
        count = petition.count(look, now=NOW)
        mine = select(func.count()).select_from(Signature).where(Signature.petition_id == petition.id)
        assert count.signed == look.scalar(mine.where(Signature.state.in_(SIGNED)))
        assert count.confirmed == look.scalar(mine.where(Signature.state.in_(CONFIRMED)))
        hours = select(func.sum(TallyHour.signed), func.sum(TallyHour.confirmed), func.sum(TallyHour.offline))
        sums = look.execute(hours.where(TallyHour.petition_id == petition.id)).one()
        assert tuple(sum_ or 0 for sum_ in sums) == (count.signed, count.confirmed, count.offline)
    assert not look.scalar(select(func.count()).select_from(TallyEvent))


def test_signers_are_sealed_and_their_mail_was_delivered(look: Session) -> None:
    signature = look.scalars(select(Signature).where(Signature.state == "confirmed").order_by(Signature.id)).first()
    assert signature is not None
    address = signature.address(look)
    assert clean_email(address or "") == address
    assert signature.who(look).name.encode() not in signature.person.sealed  # type: ignore[union-attr]
    assert address_key(keyring(look), address or "") == signature.address_key
    assert may_contact(signature.address_key, "sign", session=look, scope=signature.scope)
    unsent = select(func.count()).where((OutboxMessage.state == "queued") | OutboxMessage.sealed_address.is_not(None))
    assert look.scalar(unsent) == 0


def test_why_something_is_in_quarantine_can_be_read(look: Session) -> None:
    risks = set(look.scalars(select(SignaturePerson.risk).where(SignaturePerson.risk != "")))
    assert risks and risks <= {value for value, _label in choices("risk")}


def test_what_was_signed_in_many_ways_is_there_to_look_at(look: Session) -> None:
    states = set(look.scalars(select(Signature.state).distinct()))
    assert states == set(STATES)
    assert set(look.scalars(select(Publication.state).distinct())) >= {"waiting", "approved"}
    runs = look.scalars(select(RemovalRun).order_by(RemovalRun.id)).all()
    assert [run.undone_at is None for run in runs] == [True, False]
    news = look.scalars(select(PetitionUpdate).where(PetitionUpdate.sent_at.is_not(None))).all()
    assert len(news) == 8
    assert all(one.recipients > 0 for one in news)


@pytest.mark.parametrize("slug", HEADLINES)
def test_both_petitions_were_handed_over_and_can_be_once_more(look: Session, slug: str) -> None:
    petition = Petition.by_slug(look, slug)
    (before,) = look.scalars(select(Handover).where(Handover.petition_id == petition.id))
    assert before.handed_over_on == petition.closes_at.date()  # type: ignore[union-attr]
    assert petition.retain_until is not None
    assert petition.retain_until > NOW.date()
    again = Handover.make(look, petition, "het kabinet", by=ANNA, now=NOW)
    count = petition.count(look, now=NOW)
    assert (again.confirmed, again.offline) == (count.confirmed, count.offline)


def test_a_newcomer_can_sign_the_open_petition(look: Session) -> None:
    petition = Petition.by_slug(look, "gezinnen-horen-samen")
    before = petition.count(look, now=NOW)
    form = SignatureForm("Noor", "de Wit", "noor@elders.example", consent=True)
    assert petition.sign(look, form, now=NOW).kind == "new"
    assert petition.count(look, now=NOW).signed == before.signed + 1
    assert Petition.by_slug(look, "vanaf-dag-een-meedoen").state == "draft"


def test_nobody_in_it_can_be_somebody() -> None:
    from random import Random

    rng = Random(1)
    persons = names.people(rng, 300)
    for iban, _ in names.accounts(rng, 300):
        assert clean_iban(iban) == iban
        assert sum(int(digit) * (10 - place) for place, digit in enumerate(iban[8:])) % 11
    for email in filter(None, names.emails(rng, persons)):
        assert clean_email(email) == email
        assert email.endswith(".example")
    for home in names.homes(rng, 300):
        assert clean_postcode(home.postcode) == home.postcode
    assert clean_phone(names.phone(rng)).startswith("+31600")


def test_the_next_commands_can_be_typed_as_they_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", [".venv/bin/achterban", "demo"])
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert ".venv/bin/achterban check" in _next_commands("sqlite://")
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    assert "achterban check" in _next_commands("sqlite://")


def test_the_next_commands_tell_a_donor_before_they_charge_and_get_the_news_at_the_demos_own_port() -> None:
    commands = _next_commands("sqlite://", 5300)
    told, charged = (datetime.fromisoformat(line.split()[0].split("=")[1]) for line in commands[-2:])
    first_due = add_months(NOW.date(), 1)
    assert NOW < told < charged
    assert told.date() + timedelta(days=Settings().notice_days) <= first_due <= charged.date()
    assert first_due <= told.date() + timedelta(days=Settings().notice_days + 7), "too early: nobody is told"
    variables = shlex.split(" ".join(commands))
    assert "FLASK_SUPPORTERS_PUBLIC_URL=http://127.0.0.1:5300" in variables
    assert f"FLASK_SUPPORTERS_MAIL_FROM={gateways.MAIL_FROM}" in variables


def test_the_example_site_gives_the_vendors_the_charitys_name() -> None:
    given = gateways.settings(5002, site="http://127.0.0.1:5001")
    assert charity_name(Settings(mail_from=given["SUPPORTERS_MAIL_FROM"])) == "achterban demo"


def test_only_an_empty_database_is_filled(fresh_engine: Engine) -> None:
    with Session(fresh_engine) as session:
        Supporter.welcome(session, surname="Echt", now=NOW)
        session.commit()
    with pytest.raises(Refused, match="empty database"):
        building.build(fresh_engine)
    uri = fresh_engine.url.render_as_string(hide_password=False)
    for fresh in (False, True):
        with pytest.raises(Refused, match="something else than the demo"):
            make(uri, KEYRING, one_in=100, fresh=fresh)


def test_a_database_where_somebody_can_sign_in_already_is_not_filled(fresh_engine: Engine) -> None:
    with Session(fresh_engine) as session:
        audit.record(session, Actor.job("command line"), "take_role", "user", now=NOW)
        session.commit()
    with pytest.raises(Refused, match="empty database"):
        building.build(fresh_engine)


def test_an_unfinished_demo_is_built_anew_when_asked(postgres_databases: PostgresDatabases) -> None:
    engine = postgres_databases.create()
    uri = engine.url.render_as_string(hide_password=False)

    def stop(what: str, done: int, of: int) -> None:
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        building.build(engine, one_in=100, progress=stop)
    engine.dispose()
    with pytest.raises(Refused, match="--fresh"):
        make(uri, KEYRING, one_in=100)
    make(uri, KEYRING, one_in=100, fresh=True)
    with Session(engine) as session:
        assert building.state(session) == "whole"
    make(uri, KEYRING, one_in=100)
    with pytest.raises(Refused, match="another size"):
        make(uri, KEYRING, one_in=1)
    postgres_databases.drop(engine)


class TestTheCommand:
    @pytest.fixture
    def outer(self, tmp_path: Path) -> Flask:
        return create_app(instance_path=str(tmp_path), TESTING=True)

    def run(self, app: Flask, *arguments: str) -> Result:
        return app.test_cli_runner().invoke(args=list(arguments), catch_exceptions=False)

    def test_it_builds_once_and_says_who_can_sign_in(self, outer: Flask, tmp_path: Path) -> None:
        first = self.run(outer, "demo", "--no-serve")
        assert first.exit_code == 0
        for email, _, _, password in USERS:
            assert email in first.output
            assert password in first.output
        built = (tmp_path / "demo.sqlite").stat().st_mtime
        again = self.run(outer, "demo", "--no-serve")
        assert again.output == first.output
        assert (tmp_path / "demo.sqlite").stat().st_mtime - built < 2
        assert not (tmp_path / "achterban.sqlite").exists()
        inner = create_demo(f"sqlite:///{tmp_path / 'demo.sqlite'}", tmp_path, TESTING=True)
        answer = json.loads(self.run(inner, "report", "year", "2021", "--json").output)
        assert answer["year"] == 2021
        assert answer["figures"]["donors"] == {"this_year": 871, "last_year": 757, "growth_percent": 15.1}
        checked = self.run(inner, "check")
        assert checked.exit_code == 0, checked.output
        with inner.app_context():
            anna = inner.extensions["supporters"].authenticate("anna@demo.example", USERS[0][3])
            assert anna.authenticated
            assert inner.extensions["supporters"].today() == date(2022, 1, 3)

    def test_it_is_in_the_database_that_the_environment_names(
        self, again: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        named = tmp_path / "named.sqlite"
        with closing(sqlite3.connect(str(again.url.database))) as from_, closing(sqlite3.connect(named)) as to:
            from_.backup(to)
        monkeypatch.setenv("FLASK_SQLALCHEMY_DATABASE_URI", f"sqlite:///{named}")
        app = create_app(instance_path=str(tmp_path), TESTING=True)
        assert self.run(app, "demo", "--no-serve").exit_code == 0
        assert not (tmp_path / "demo.sqlite").exists()
        answer = json.loads(self.run(app, "report", "year", "2021", "--json").output)
        assert answer["figures"]["donors"]["this_year"] == 871
