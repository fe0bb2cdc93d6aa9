"""`Admin(app, db)` hangs the screens in a host's application; `create_app()` is an application of our own."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from flask import Flask, current_app, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_limiter.errors import RateLimitExceeded
from flask_sqlalchemy import SQLAlchemy
from werkzeug.exceptions import HTTPException

import admin.migrations  # noqa: F401  (registers the revisions of the admin's own tables)
from admin import access, audit_lines, bank_view, clock, command, errors, i18n, labels, menu, security
from admin.blueprint import NAME, bp
from admin.kit.lists import shown_value
from campaigns import Campaigns
from supporters.errors import AchterbanError
from supporters.extension import Supporters
from supporters.people.bank_account import mask_iban

PAGES = (
    "account",
    "overview",
    "exporting",
    "people",
    "people_edit",
    "commitments",
    "gifts",
    "runs",
    "bank",
    "bank_booking",
    "bank_upload",
    "bank_statements",
    "bank_lines",
    "bank_queue",
    "bank_answers",
    "bank_splitting",
    "our_accounts",
    "online_payments",
    "online_payment_acts",
    "refunds",
    "returns",
    "return_acts",
    "failing",
    "gateways",
    "payment_mails",
    "tasks",
    "audit_log",
    "users",
    "settings",
    "year",
    "imports",
    "editions",
    "edition_acts",
    "edition_edit",
    "edition_placements",
    "edition_pages",
    "edition_matches",
    "edition_offline",
    "edition_account",
    "edition_wall",
    "edition_news",
    "gift_credit",
    "petitions",
    "petition_edit",
    "petition_updates",
    "petition_offline",
    "petition_preview",
    "petition_desk",
    "petition_trends",
    "petition_removals",
    "petition_handover",
    "data_requests",
    "networks",
)

DEFAULTS: dict[str, Any] = {
    "ADMIN_NAME": "achterban",  # shown in the top bar and in authenticator apps
    "ADMIN_LANGUAGE": "nl",  # for a browser that asks for neither Dutch nor English
    "ADMIN_HTTPS": True,  # cookies travel over https only; the demo on plain http turns this off
    "ADMIN_TWO_FACTOR_REQUIRED": False,
    "ADMIN_LIMIT_ADDRESS": "30 per 5 minutes",
    "ADMIN_LIMIT_ACCOUNT": "10 per 15 minutes",
    "ADMIN_UPLOAD_LIMIT": 50 * 1024 * 1024,
    "ADMIN_BANK_UPLOAD_LIMIT": 512 * 1024 * 1024,  # the files of the bank that are read in at once
}


class Admin:
    """The fundraisers' screens; uses the host's Flask-Security, CSRFProtect and Flask-Babel where there are."""

    def __init__(self, app: Flask | None = None, db: SQLAlchemy | None = None, url_prefix: str = "/admin") -> None:
        self.url_prefix = "/" + url_prefix.strip("/")
        #: An application of our own wears our headers and error pages everywhere; a host's does not.
        self.owns_everything = False
        if app is not None and db is not None:
            self.init_app(app, db)

    def init_app(self, app: Flask, db: SQLAlchemy) -> None:
        for key, value in DEFAULTS.items():
            app.config.setdefault(key, value)
        app.config.setdefault("MAX_CONTENT_LENGTH", app.config["ADMIN_UPLOAD_LIMIT"])
        app.extensions["achterban_admin"] = self
        self.db = db
        for page in PAGES:
            import_module(f"admin.pages.{page}")
        if not bp._got_registered_once:
            bp.context_processor(context)
            bp.register_error_handler(AchterbanError, errors.show)
            bp.register_error_handler(HTTPException, errors.show)
        app.register_blueprint(bp, url_prefix=self.url_prefix)
        i18n.init_app(app)
        if security.init_app(app, db, self.url_prefix):
            app.extensions["supporters"].authenticator = security.authenticate
            app.extensions["supporters"].authoriser = security.authorise
            app.extensions["achterban_security"].context_processor(context)
            app.register_error_handler(RateLimitExceeded, errors.show)
        app.cli.add_command(command.commands)
        _add_filters(app)


def context() -> dict[str, Any]:
    """What our templates may call; given to ours only, so that a host's names stay the host's."""
    return {
        "_": i18n.gettext,
        "ngettext": i18n.ngettext,
        "say": i18n.say,
        "may": access.may,
        "role_of": access.role_of,
        "link": lambda endpoint, **values: url_for(f"{NAME}.{endpoint}", **values),
        "menu": menu.entries,
        "label": labels.label,
        "state_badge": labels.badge,
        "who": lambda key: import_module("admin.pages.runs").name_of(key),
        "task_title": lambda task: i18n.saying(task.text, task.params),
        "iban_of": lambda account: account.spaced if access.may("people.private") else mask_iban(account.iban),
        "role_name": lambda role: errors.role_names().get(role, ""),
        "reason_of": bank_view.reason,
        "bank_iban": bank_view.iban,
        "bank_words": bank_view.words,
        "described": audit_lines.describe,
        "own_sign_in": "achterban_security" in current_app.extensions,
        "languages": i18n.LANGUAGES,
        "shown_value": shown_value,
        "locale": i18n.locale(),
        "today": clock.today(),
        "pretended": clock.pretended(),
    }


def _add_filters(app: Flask) -> None:
    filters = (i18n.money, i18n.whole_money, i18n.number, i18n.percent, i18n.day, i18n.moment, i18n.month)
    for filter_ in filters:
        app.jinja_env.filters.setdefault(f"ab_{filter_.__name__}", filter_)


def create_app(**settings: Any) -> Flask:
    """The application behind the command ``achterban``; ``settings`` win over ``FLASK_…`` in the environment."""
    app = Flask("achterban", instance_path=str(_instance_folder(settings.pop("instance_path", None))))
    app.config.from_prefixed_env()
    app.config.from_mapping(settings)
    app.config.setdefault("SQLALCHEMY_DATABASE_URI", f"sqlite:///{Path(app.instance_path) / 'achterban.sqlite'}")
    Path(app.instance_path).mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds people and secrets
    db = SQLAlchemy()
    db.init_app(app)
    Supporters(app, db)
    Campaigns(app, db)
    admin = Admin(app, db)
    admin.owns_everything = True
    for others in ("limiter", "openapi"):  # commands of libraries we use, for their developers
        app.cli.commands.pop(others, None)
    app.register_error_handler(HTTPException, errors.show)
    app.register_error_handler(AchterbanError, errors.show)
    app.add_url_rule("/", "home", home)
    return app


@access.public
def home() -> ResponseReturnValue:
    return redirect(url_for(f"{NAME}.overview"))


def _instance_folder(given: str | None) -> Path:
    """Where the database file and the secrets live: ``instance`` in the folder the command runs in."""
    return Path(given or os.environ.get("ACHTERBAN_INSTANCE") or "instance").absolute()
