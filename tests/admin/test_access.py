"""Every route says what it needs, and gets it."""

from __future__ import annotations

import time

import pytest

from admin import access
from admin.blueprint import NAME

#: Flask-Security guards these itself: the way in, and one's own password and second step.
SIGN_IN = {
    "security.login", "security.logout", "security.verify", "security.two_factor_setup", "security.mf_recovery",
    "security.two_factor_setup_validate", "security.two_factor_token_validation", "security.two_factor_rescue",
    "security.change_password", "security.mf_recovery_codes", "security.tf_select",
}  # fmt: skip
STATIC = {f"{NAME}.static", "security.static", "static"}
PUBLIC = {"home", f"{NAME}.language", f"{NAME}.welcome", "achterban_health.healthz", "achterban_health.readyz"}


def test_every_admin_route_needs_a_permission_or_is_listed_as_public(admin_app):
    unguarded = []
    for rule in admin_app.url_map.iter_rules():
        view = admin_app.view_functions[rule.endpoint]
        if not rule.rule.startswith("/admin") or rule.endpoint in STATIC | SIGN_IN:
            continue
        if rule.endpoint in PUBLIC:
            assert getattr(view, "public", False), f"{rule.endpoint} is listed as public but does not say so"
        elif not getattr(view, "needs", None):
            unguarded.append(rule.endpoint)
    assert unguarded == []


def test_only_the_listed_routes_call_themselves_public(admin_app):
    public = {name for name, view in admin_app.view_functions.items() if getattr(view, "public", False)}
    for_visitors = (
        "achterban_petitions.", "achterban_petitions_api.", "achterban_giving.", "achterban_giving_api.",
        "achterban_own_page.", "achterban_own_pages.", "achterban_own_pages_api.", "achterban_crowdfunding.",
        "achterban_webhooks.", "achterban_editions_api.", "achterban_givers.", "supporters-api-docs.",
    )  # fmt: skip
    assert {name for name in public if not name.startswith(for_visitors)} <= PUBLIC


def test_what_visitors_reach_says_that_it_is_public(admin_app):
    for rule in admin_app.url_map.iter_rules():
        if rule.rule.startswith(("/api/", "/petitions/", "/confirm/", "/unsubscribe/")):
            view = admin_app.view_functions[rule.endpoint]
            assert rule.endpoint.endswith(".static") or getattr(view, "public", False), rule.endpoint


def test_a_stranger_is_sent_to_the_sign_in_page_from_every_page_and_comes_back_after_it(admin_app):
    client = admin_app.test_client()
    answer = client.get("/admin/?q=1")
    assert answer.status_code == 302
    assert answer.location == "/admin/sign-in?next=/admin/?q%3D1"


def test_roles_are_a_ladder(admin_app):
    assert access.roles_with("money.run") == ("finance", "administrator")
    assert access.roles_with("people.see") == access.ROLES


def test_a_refused_person_is_told_who_can(admin_app, client_as):
    @admin_app.route("/admin/only-finance")
    @access.needs("money.run")
    def only_finance():
        return "in"

    refused = client_as("viewer").get("/admin/only-finance")
    assert refused.status_code == 403
    assert "Finance, Administrator" in refused.text
    assert client_as("finance").get("/admin/only-finance").text == "in"


def test_a_sensitive_act_asks_for_the_password_again_after_half_an_hour(admin_app, client_as):
    @admin_app.route("/admin/sensitive")
    @access.needs("money.run", fresh=True)
    def sensitive():
        return "in"

    assert client_as("finance").get("/admin/sensitive").text == "in"
    stale = client_as("finance", signed_in_at=time.time() - 3600).get("/admin/sensitive")
    assert stale.location == "/admin/verify?next=/admin/sensitive"


def test_a_permission_that_does_not_exist_is_a_mistake_at_import():
    with pytest.raises(KeyError):
        access.needs("money.rum")


def test_somebody_without_a_role_may_nothing(admin_app, db, client_as):
    from sqlalchemy import select

    from admin.users import User

    with db() as session:
        session.scalar(select(User).where(User.email == "viewer@example.org")).roles = []
    assert client_as("viewer").get("/admin/").status_code == 403


def test_after_the_password_a_button_is_pressed_again_on_the_page_it_stands_on(client_as):
    stale = client_as("finance", signed_in_at=time.time() - 3600)
    answer = stale.post("/admin/runs/1/file/1", headers={"Referer": "http://localhost/admin/runs/1"})
    assert answer.location == "/admin/verify?next=/admin/runs/1"
    elsewhere = stale.post("/admin/runs/1/file/1", headers={"Referer": "http://evil.example/x"})
    assert elsewhere.location == "/admin/verify?next=/admin/"


def test_a_host_with_its_own_flask_security_keeps_it(tmp_path, sqlite_databases):
    from flask import Flask
    from flask_security import Security, SQLAlchemyUserDatastore
    from flask_sqlalchemy import SQLAlchemy

    from admin.app import Admin
    from admin.users import Role, User
    from supporters import Supporters

    engine = sqlite_databases.create()
    site = Flask("site", instance_path=str(tmp_path))
    site.config.update(
        SECRET_KEY="x",
        SECURITY_PASSWORD_SALT="x",
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{engine.url.database}",
        SECURITY_LOGIN_URL="/our-door",
    )
    db = SQLAlchemy(site)
    Supporters(site, db)
    theirs = Security(site, SQLAlchemyUserDatastore(db, User, Role))
    Admin(site, db, url_prefix="/office")
    assert site.extensions["security"] is theirs
    assert site.test_client().get("/office/").location == "/our-door?next=/office/"
    assert "/office/sign-in" not in {rule.rule for rule in site.url_map.iter_rules()}
