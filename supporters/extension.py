"""``Supporters(app, db)``: how a site plugs the library in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from flask import Flask, current_app, has_app_context
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Session

from supporters import cli, sealing
from supporters.actor import Actor
from supporters.cli import bank, collect, fund, importing, keys, mail, report, returns, work
from supporters.db import configure_sqlite
from supporters.errors import NotAllowed
from supporters.giving import checks as giving_checks
from supporters.giving import timeline as giving_timeline
from supporters.lifecycle import timeline as lifecycle_timeline
from supporters.mail import jobs as mail_jobs
from supporters.payments import checks as payments_checks
from supporters.payments import timeline as payments_timeline
from supporters.payments.bank import checks as bank_checks
from supporters.payments.bank import timeline as bank_timeline
from supporters.payments.online import checks as online_checks
from supporters.payments.online import jobs as online_jobs
from supporters.payments.online import letters as online_letters
from supporters.payments.online.accounts import Accounts
from supporters.payments.online.cashier import Cashier
from supporters.payments.returns import checks as returns_checks
from supporters.payments.returns import letters as returns_letters
from supporters.payments.returns import timeline as returns_timeline
from supporters.people import checks as people_checks
from supporters.people import timeline as people_timeline
from supporters.sealing import Keyring
from supporters.settings import Settings, kept_secret
from supporters.web import giving, health, own_page, problems

#: What fills the registries by being imported.
REGISTERED = (
    people_checks, people_timeline, giving_checks, giving_timeline, payments_checks, payments_timeline,
    lifecycle_timeline, mail_jobs, online_checks, online_jobs, online_letters, bank_checks, bank_timeline,
    returns_checks, returns_letters, returns_timeline, bank, collect, fund, importing, keys, mail, report, returns,
    work,
)  # fmt: skip

#: From an address and a secret to the person they prove; raises NotAllowed where they prove nobody.
Authenticator = Callable[[str, str], Actor]
#: Whether somebody may do what a permission such as "money.run" names.
Authoriser = Callable[[Actor, str], bool]


class Supporters:
    """The library on the site's own database.

    ``authenticator`` and ``authoriser`` are set by whoever knows about passwords and roles (the admin): commands ask
    them who is there and what that person may do.
    """

    def __init__(self, app: Flask | None = None, db: SQLAlchemy | None = None) -> None:
        self.db = db
        self.authenticator: Authenticator = _nobody_knows
        self.authoriser: Authoriser = _whoever_is_signed_in
        self._settings: Settings | None = None
        self._accounts: tuple[Settings, Accounts] | None = None
        if app is not None:
            self.init_app(app, db)

    def init_app(self, app: Flask, db: SQLAlchemy | None = None) -> None:
        """Read the settings, prepare the database and add the commands. Call ``db.init_app(app)`` first."""
        self.db = db or self.db
        if self.db is None:
            raise TypeError("Supporters needs the site's database object: Supporters(app, db)")
        if "sqlalchemy" not in app.extensions:
            raise RuntimeError("call db.init_app(app) before Supporters(app, db)")
        self._settings = Settings.read(app.config)
        app.extensions["supporters"] = self
        app.extensions["supporters_settings"] = self._settings
        with app.app_context():
            configure_sqlite(self.db.engine)
            sealing.use(self.db.engine, _keyring(app, self._settings))
        cli.add_to(app)
        problems.init_app(app)
        if health.bp.name not in app.blueprints:
            app.register_blueprint(health.bp)
            app.register_blueprint(own_page.bp)
        if Accounts.named(self._settings.gateways):
            giving.init_app(app)

    @property
    def settings(self) -> Settings:
        """Those of the app that is being served; outside one, those of the app that was set up last."""
        if has_app_context() and "supporters_settings" in current_app.extensions:
            settings: Settings = current_app.extensions["supporters_settings"]
            return settings
        if self._settings is None:
            raise RuntimeError("Supporters has no settings yet: call init_app(app, db) first")
        return self._settings

    @property
    def accounts(self) -> Accounts:
        """The accounts at payment gateways; a gateway's SDK loads with the first that is named. Raises BadSetting."""
        settings = self.settings
        if self._accounts is None or self._accounts[0] is not settings:
            self._accounts = settings, Accounts.read(settings.gateways, public_url=settings.public_url, now=self.now)
        return self._accounts[1]

    def cashier(self) -> Cashier:
        """Who asks the gateways and books what they say, each step in a transaction of its own."""
        assert self.db is not None
        engine = self.db.engine
        return Cashier(lambda: Session(engine), self.accounts, self.settings, self.now)

    @property
    def session(self) -> Any:
        """The site's scoped session."""
        assert self.db is not None
        return self.db.session

    def now(self) -> datetime:
        """The instant it is, in the charity's time zone; SUPPORTERS_NOW makes it stand still."""
        return self.settings.clock()

    def today(self) -> date:
        """The calendar date it is where the charity is."""
        return self.settings.day_of(self.now())

    def authenticate(self, email: str, secret: str) -> Actor:
        """The signed-in person that these prove; raises NotAllowed where they prove nobody."""
        return self.authenticator(email, secret)

    def authorise(self, actor: Actor, permission: str) -> None:
        """Raises NotAllowed unless this person may do what the permission names."""
        if not self.authoriser(actor, permission):
            raise NotAllowed(
                "%(name)s may not do this: it takes the permission %(permission)s, which an administrator can give.",
                field="email", name=actor.name, permission=permission,
            )  # fmt: skip


def _keyring(app: Flask, settings: Settings) -> Keyring:
    """What the settings say, else secrets made once and kept in the instance folder."""
    folder, made = app.instance_path, Keyring.new_secret
    keys = settings.keys or kept_secret(folder, "sealing_key", made)
    return Keyring.read(keys, settings.pepper or kept_secret(folder, "pepper", made))


def _whoever_is_signed_in(actor: Actor, permission: str) -> bool:
    return actor.authenticated


def _nobody_knows(email: str, secret: str) -> Actor:
    raise NotAllowed(
        "This site has no sign-in for commands, so nothing can prove that %(email)s is there; add Admin(app, db).",
        field="email", email=email,
    )  # fmt: skip
