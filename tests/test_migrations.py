"""The migrations bring the tables to where the models are, once, beside the site's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    Column,
    Engine,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    inspect,
    select,
    text,
)
from sqlalchemy.orm import Session, undefer

from supporters import migrations
from supporters.giving.gateway_mandate import GatewayMandate
from supporters.migrations import __main__ as developer
from supporters.payments.online.inbox import Notification
from tests.modules import tables


def differences(engine: Engine, metadata: MetaData, include: Any) -> list[Any]:
    with engine.connect() as connection:
        options = {
            "include_object": include,
            "version_table": migrations.VERSION_TABLE,
            "compare_server_default": True,
        }
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def test_migrated_tables_are_those_of_the_models(fresh_engine: Engine) -> None:
    assert migrations.heads()
    assert differences(fresh_engine, tables(), migrations.is_ours) == []


def test_a_column_the_migrations_forgot_is_noticed(fresh_engine: Engine) -> None:
    with fresh_engine.begin() as connection:
        connection.execute(text("ALTER TABLE supporters_task ADD COLUMN forgotten integer"))
    assert [change[0] for change in differences(fresh_engine, tables(), migrations.is_ours)] == ["remove_column"]


def test_no_later_migration_lost_a_trigger(fresh_engine: Engine) -> None:
    # SQLite changes a table by building it anew, and its triggers stay behind with the old one.
    rules = ScriptDirectory.from_config(migrations.config_for()).get_revision("0002")
    assert rules is not None
    wanted = {name for name, *_ in rules.module._names()}
    catalogue = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    }
    with fresh_engine.connect() as connection:
        there = set(connection.scalars(text(catalogue[fresh_engine.dialect.name])))
    assert wanted
    assert wanted - there == set()


def test_upgrading_twice_does_nothing_the_second_time(empty_engine: Engine) -> None:
    assert migrations.current(empty_engine) == set()
    assert not migrations.is_current(empty_engine)
    migrations.upgrade(empty_engine)
    stands = migrations.current(empty_engine)
    assert stands == migrations.heads()
    migrations.upgrade(empty_engine)
    assert migrations.current(empty_engine) == stands
    assert migrations.is_current(empty_engine)


def test_an_upgrade_on_the_callers_transaction_goes_when_the_caller_rolls_back(empty_engine: Engine) -> None:
    with empty_engine.connect() as connection:
        transaction = connection.begin()
        migrations.upgrade(connection)
        assert migrations.current(connection)
        transaction.rollback()
    assert inspect(empty_engine).get_table_names() == []


def test_two_upgrades_at_once_both_succeed(empty_engine: Engine) -> None:
    script = "import sys, sqlalchemy as sa, supporters.migrations as m; m.upgrade(sa.create_engine(sys.argv[1]))"
    uri = empty_engine.url.render_as_string(hide_password=False)
    root = Path(__file__).parent.parent
    both = [
        subprocess.Popen([sys.executable, "-c", script, uri], cwd=root, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for one in both:
        _, complaint = one.communicate(timeout=120)
        assert one.returncode == 0, complaint
    assert migrations.current(empty_engine)


def test_a_migration_that_would_break_references_changes_nothing_on_sqlite(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'site.sqlite'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE parent (id integer PRIMARY KEY)"))
        connection.execute(text("CREATE TABLE child (id integer PRIMARY KEY, parent_id REFERENCES parent (id))"))
        connection.execute(text("INSERT INTO child VALUES (1, 7)"))
    with pytest.raises(RuntimeError, match="row 1 of child refers to a row of parent that is not there"):
        migrations.upgrade(engine)
    assert sorted(inspect(engine).get_table_names()) == ["child", "parent"]


def test_upgrading_leaves_foreign_keys_on(fresh_engine: Engine) -> None:
    migrations.upgrade(fresh_engine)
    if fresh_engine.dialect.name == "sqlite":
        with fresh_engine.connect() as connection:
            assert connection.scalar(text("PRAGMA foreign_keys")) == 1


def test_a_sites_autogenerate_leaves_our_tables_alone_and_sees_its_own(fresh_engine: Engine) -> None:
    site = MetaData()
    # A site may give a table a name that looks like ours: what it declares is its own.
    Table(
        "admin_note", site, Column("id", Integer, primary_key=True), Column("text", String(20)), Index("ix_n", "text")
    )
    Table("page", site, Column("id", Integer, primary_key=True))
    with fresh_engine.begin() as connection:
        connection.execute(text("CREATE TABLE old_page (id integer PRIMARY KEY)"))
        connection.execute(text("CREATE TABLE supporters_of_an_older_version (id integer PRIMARY KEY)"))
        connection.execute(text("CREATE INDEX ix_older ON supporters_of_an_older_version (id)"))
    changes = {
        (change[0], getattr(change[1], "name", change[1]))
        for change in differences(fresh_engine, site, migrations.include_object)
    }
    assert changes == {
        ("add_table", "admin_note"), ("add_index", "ix_n"), ("add_table", "page"), ("remove_table", "old_page"),
    }  # fmt: skip


def test_a_location_is_a_package_with_one_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(migrations, "locations", dict(migrations.locations))
    migrations.register_location("events", tmp_path)
    migrations.register_location("events", tmp_path)
    with pytest.raises(ValueError, match="'events' has its revisions in"):
        migrations.register_location("events", tmp_path / "other")
    with pytest.raises(ValueError, match="bare package name"):
        migrations.register_location("events/2", tmp_path)


def test_a_package_gets_a_branch_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(migrations, "locations", dict(migrations.locations))
    migrations.register_location("events", tmp_path / "50% versions")
    (first,) = developer.write_revision(f"sqlite:///{tmp_path / 'a'}", "Begin", branch="events", empty=True)
    (second,) = developer.write_revision(f"sqlite:///{tmp_path / 'b'}", "Go on", branch="events", empty=True)
    assert first.branch_labels == {"events"}
    assert second.down_revision == first.revision
    engine = create_engine(f"sqlite:///{tmp_path / 'c'}")
    migrations.upgrade(engine)
    assert second.revision in migrations.current(engine)
    assert migrations.current(engine) == migrations.heads()


def test_a_comment_whose_signer_agreed_to_less_is_shown_no_longer(empty_engine: Engine) -> None:
    migrations.upgrade(empty_engine, "campaigns_0002")
    then = "'2026-11-01 10:00:00+00:00'"
    with empty_engine.begin() as connection:
        connection.execute(text(
            "INSERT INTO campaigns_petition (id, slug, title, text, addressee, locale, goals, state, confirm_policy,"
            " per_address, profile, retention_days, allowed_origins, return_urls, created_at, created_by) VALUES"
            f" (1, 'a', 'A', 'A', 'B', 'nl', '[]', 'open', 'required', 1, 'plain', 9, '[]', '[]', {then}, 'job:test')"
        ))  # fmt: skip
        for purpose in ("sign", "show_name", "updates", "newsletter"):
            connection.execute(text(
                "INSERT INTO supporters_consent_text (id, purpose, locale, wording, sha256, version, created_at,"
                f" created_by) VALUES ({len(purpose)}, '{purpose}', 'nl', 'W', '{purpose}', 1, {then}, 'job:test')"
            ))  # fmt: skip
        connection.execute(text(
            "INSERT INTO campaigns_petition_wording (id, petition_id, locale, sign_text_id, show_name_text_id,"
            f" updates_text_id, newsletter_text_id, since, created_by) VALUES (1, 1, 'nl', 4, 9, 7, 10, {then}, 'j')"
        ))  # fmt: skip
        connection.execute(
            text(
                "INSERT INTO campaigns_signature (id, petition_id, address_key, name_key, slot, state, locale, source,"
                " wording_id, signed_at, confirmed_at, mails)"
                f" VALUES (1, 1, :key, :key, 1, 'confirmed', 'nl', '', 1, {then}, {then}, 1)"
            ),
            {"key": b"k" * 16},
        )
        connection.execute(text(
            "INSERT INTO campaigns_publication (id, petition_id, signature_id, state, name, town, comment)"
            " VALUES (1, 1, 1, 'approved', 'Ada', 'Utrecht', 'I know them.')"
        ))  # fmt: skip
    migrations.upgrade(empty_engine)
    with empty_engine.connect() as connection:
        shown = connection.execute(text("SELECT name, town, comment, with_comment FROM campaigns_publication")).one()
        query = text("SELECT show_name_text_id, covers_comment FROM campaigns_petition_wording")
        words = connection.execute(query).one()
    assert (*shown[:3], bool(shown[3])) == ("Ada", "Utrecht", "", False)
    assert (words[0], bool(words[1])) == (9, False)


def test_news_from_before_it_was_sealed_loses_its_bytes_and_keeps_what_it_is_about(empty_engine: Engine) -> None:
    migrations.upgrade(empty_engine, "0004")
    then = "'2026-11-25 10:00:00+00:00'"
    with empty_engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO supporters_notification (id, account, received_at, headers, body, digest, external_id,"
                f" kind, key, times, state, tries, next_at, note) VALUES (1, 'stripe', {then}, '{{}}', :body, :digest,"
                f" 'pi_1', 'paid', 'k', 1, 'waiting', 0, {then}, '')"
            ),
            {"body": b'{"name": "Ada"}', "digest": b"d" * 32},
        )
        connection.execute(text(
            "INSERT INTO supporters_supporter (id, kind, first_name, initials, prefix, surname, organisation_name,"
            " language, sort_name, joined_on, created_at)"
            f" VALUES (1, 'person', 'Ada', '', '', 'Lovelace', '', 'nl', 'lovelace', '2026-01-01', {then})"
        ))  # fmt: skip
        connection.execute(text(
            "INSERT INTO supporters_gateway_mandate (id, supporter_id, gateway, account, customer, external_id, method,"
            " label, reference, state, reason, created_at, created_by) VALUES"
            f" (1, 1, 'stripe', 'stripe', 'c', 'm', 'card', '', '', 'valid', '', {then}, 'job:test')"
        ))  # fmt: skip
    migrations.upgrade(empty_engine)
    with Session(empty_engine) as session:
        news = session.scalars(select(Notification).options(undefer(Notification.sealed_body))).one()
        assert (news.sealed_body, news.body(session), news.size) == (None, b"", 15)
        assert (news.external_id, news.kind, news.key, news.state) == ("pi_1", "paid", "k", "waiting")
        assert session.scalars(select(GatewayMandate.account)).all() == ["stripe"]
    assert {"body", "gateway"} & {
        column["name"]
        for table in ("supporters_notification", "supporters_gateway_mandate")
        for column in inspect(empty_engine).get_columns(table)
    } == set()
    assert any(index["unique"] for index in inspect(empty_engine).get_indexes("supporters_notification"))
