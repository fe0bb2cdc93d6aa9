"""Signing in: passwords, second step, throttling, cookies, headers, the command line."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import select

from admin import clock, command, security
from admin.app import create_app
from admin.users import User
from supporters import AuditEntry, NotAllowed
from supporters.actor import Actor

PASSWORD = "a whole sentence is fine"


@pytest.fixture
def anna(admin_app):
    with admin_app.app_context():
        command.make_user("anna@example.org", PASSWORD, "fundraiser", name="Anna", by=Actor.job("test"))
        admin_app.extensions["sqlalchemy"].session.commit()
    return "anna@example.org"


def sign_in(client, email, password=PASSWORD, **more):
    return client.post("/admin/sign-in", data={"email": email, "password": password, **more})


def test_the_right_password_gets_in_and_leaves_a_trace(admin_app, db, anna):
    client = admin_app.test_client()
    answer = sign_in(client, anna)
    assert (answer.status_code, answer.location) == (302, "/admin/")
    assert client.get("/admin/").status_code == 200
    with db() as session:
        assert session.scalar(select(AuditEntry.by).where(AuditEntry.verb == "sign_in")) == "person:anna@example.org"


def test_the_answer_does_not_tell_whether_the_address_is_known(admin_app, anna):
    client = admin_app.test_client()
    wrong = sign_in(client, anna, "not the right one").text
    unknown = sign_in(client, "nobody@example.org", "not the right one").text
    strip = lambda page: re.sub(r'value="[^"]*"', "", page)  # noqa: E731
    assert "do not belong together" in wrong
    assert strip(wrong) == strip(unknown)


@pytest.mark.usefixtures("one_moment_for_limits")
def test_an_account_is_closed_for_a_while_after_ten_wrong_passwords(admin_app, anna):
    client = admin_app.test_client()
    for _ in range(10):
        assert sign_in(client, anna, "wrong").status_code == 200
    refused = sign_in(client, anna)
    assert refused.status_code == 429
    assert "quarter of an hour" in refused.text


@pytest.mark.usefixtures("one_moment_for_limits")
def test_one_address_may_not_try_many_accounts(admin_app):
    client = admin_app.test_client()
    answers = [sign_in(client, f"somebody{number}@example.org", "wrong").status_code for number in range(31)]
    assert answers[-1] == 429


def test_passwords_are_kept_by_argon2(admin_app, db, anna):
    with db() as session:
        assert session.scalar(select(User.password).where(User.email == anna)).startswith("$argon2id$")


def test_a_second_step_with_an_app_is_set_up_and_then_asked_for(admin_app, db, anna):
    client = admin_app.test_client()
    sign_in(client, anna)
    page = client.post("/admin/two-factor", data={"setup": "authenticator"}).text
    assert "data:image/svg" in page
    key = re.search(r'<code class="ab-token">([^<]+)</code>', page)[1].replace("-", "")
    action = re.search(r'action="(/admin/two-factor/[^"]+)"', page)[1]
    client.post(action, data={"code": pyotp.TOTP(key).now()})
    with db() as session:
        user = session.scalar(select(User).where(User.email == anna))
        assert user.tf_primary_method == "authenticator"
        assert key not in user.tf_totp_secret

    other = admin_app.test_client()
    sign_in(other, anna)
    assert other.get("/admin/").status_code == 302  # not in yet
    assert "Your code, please" in other.get("/admin/two-factor/code").text


def test_a_setting_makes_everybody_take_the_second_step(tmp_path, sqlite_databases):
    engine = sqlite_databases.create()
    app = create_app(
        instance_path=str(tmp_path), TESTING=True, WTF_CSRF_ENABLED=False, ADMIN_TWO_FACTOR_REQUIRED=True,
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{engine.url.database}",
    )  # fmt: skip
    with app.app_context():
        command.make_user("anna@example.org", PASSWORD, "viewer", by=Actor.job("test"))
        app.extensions["sqlalchemy"].session.commit()
        app.extensions["sqlalchemy"].session.remove()
        app.extensions["sqlalchemy"].engine.dispose()
    client = app.test_client()
    assert "/admin/two-factor" in sign_in(client, "anna@example.org").location
    assert client.get("/admin/").status_code == 302


def test_nobody_can_register(admin_app):
    assert not [rule for rule in admin_app.url_map.iter_rules() if "register" in rule.endpoint]


def test_every_form_needs_its_token(tmp_path, sqlite_databases):
    engine = sqlite_databases.create()
    app = create_app(
        instance_path=str(tmp_path), SQLALCHEMY_DATABASE_URI=f"sqlite:///{engine.url.database}", ADMIN_LANGUAGE="en"
    )
    client = app.test_client()
    for address in ("/admin/language", "/admin/sign-in"):
        answer = client.post(
            address, data={"email": "a@example.org", "password": "x", "language": "nl"}, base_url="https://a.example"
        )
        assert answer.status_code == 400, address


def test_cookies_travel_over_https_only_and_not_to_scripts(tmp_path, sqlite_databases):
    engine = sqlite_databases.create()
    app = create_app(instance_path=str(tmp_path), SQLALCHEMY_DATABASE_URI=f"sqlite:///{engine.url.database}")
    cookie = app.test_client().get("/admin/sign-in", base_url="https://a.example").headers["Set-Cookie"]
    assert "Secure" in cookie and "HttpOnly" in cookie and "SameSite=Lax" in cookie


def test_pages_carry_a_policy_that_allows_no_inline_script_or_style(admin_app):
    headers = admin_app.test_client().get("/admin/sign-in", base_url="https://localhost").headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'") and "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Strict-Transport-Security"]
    assert headers["Cache-Control"] == "no-store"


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path, sqlite_databases):
    engine = sqlite_databases.create()
    uri = f"sqlite:///{engine.url.database}"
    first = create_app(instance_path=str(tmp_path), SQLALCHEMY_DATABASE_URI=uri)
    again = create_app(instance_path=str(tmp_path), SQLALCHEMY_DATABASE_URI=uri)
    assert first.config["SECRET_KEY"] == again.config["SECRET_KEY"] and len(first.config["SECRET_KEY"]) > 40
    for name in ("secret_key", "password_salt", "two_factor_key", "recovery_key"):
        assert stat.S_IMODE(Path(tmp_path, name).stat().st_mode) == 0o600


def test_a_password_or_a_token_proves_who_is_at_the_command_line(db, anna):
    with db() as session:
        actor = security.authenticate("Anna@example.org", PASSWORD)
        assert (actor.key, actor.authenticated) == ("person:anna@example.org", True)
        user = session.scalar(select(User).where(User.email == anna))
        token = user.new_token(now=clock.now())
        session.commit()
        assert token not in str(user.__dict__)
        assert security.authenticate(anna, token).authenticated
        for email, secret in ((anna, "wrong"), ("nobody@example.org", PASSWORD), (anna, "")):
            with pytest.raises(NotAllowed, match="do not belong together"):
                security.authenticate(email, secret)
        user.active = False
        session.commit()
        with pytest.raises(NotAllowed):
            security.authenticate(anna, token)


def test_a_password_alone_is_not_enough_at_the_command_line_for_who_uses_a_second_step(db, anna):
    with db() as session:
        session.scalar(select(User).where(User.email == anna)).tf_primary_method = "authenticator"
        session.commit()
        with pytest.raises(NotAllowed, match="second step"):
            security.authenticate(anna, PASSWORD)


def test_the_first_administrator_is_made_by_a_command(admin_app):
    runner = admin_app.test_cli_runner()
    made = runner.invoke(args=["admin", "create", "Eva@Example.org", "--password-stdin"], input=f"{PASSWORD}\n")
    assert (made.exit_code, made.output) == (0, "eva@example.org can sign in as administrator.\n")
    twice = runner.invoke(args=["admin", "create", "eva@example.org", "--password-stdin"], input=f"{PASSWORD}\n")
    assert (twice.exit_code, twice.stderr) == (2, "Error: There is a user eva@example.org already.\n")
    short = runner.invoke(args=["admin", "create", "b@example.org", "--password-stdin"], input="short\n")
    assert short.exit_code == 2 and "at least 12 characters" in short.stderr
    token = runner.invoke(args=["admin", "token", "eva@example.org"])
    assert token.stdout.startswith("ab_")
    with admin_app.app_context():
        assert security.authenticate("eva@example.org", token.stdout.strip()).authenticated


def test_the_language_is_the_browsers_until_somebody_chooses(admin_app, client_as):
    client = client_as("viewer")
    assert '<html lang="nl">' in client.get("/admin/", headers={"Accept-Language": "nl-NL,nl;q=0.9"}).text
    answer = client.post("/admin/language", data={"language": "en", "next": "/admin/account"})
    assert answer.location == "/admin/account"
    assert '<html lang="en">' in client.get("/admin/", headers={"Accept-Language": "nl"}).text
    elsewhere = client_as("viewer")  # the choice is the person's, not the browser's
    assert '<html lang="en">' in elsewhere.get("/admin/", headers={"Accept-Language": "nl"}).text


@pytest.mark.parametrize(
    "address", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_choosing_a_language_never_leads_to_another_site(admin_app, address):
    answer = admin_app.test_client().post("/admin/language", data={"language": "en", "next": address})
    assert answer.location == "/admin/"
