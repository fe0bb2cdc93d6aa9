"""Sign-in by Flask-Security in our house style; headers; what is throttled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet
from flask import Flask, Response, current_app, request, session
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import current_user
from flask_security import MailUtil, Security, SQLAlchemyUserDatastore, user_authenticated, verify_password
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import func, select

from admin import blueprint, clock
from admin.access import PERMISSIONS, may
from admin.users import Role, User
from campaigns.web import api, own_pages, own_pages_api, pages
from supporters import audit
from supporters.actor import Actor
from supporters.errors import NotAllowed
from supporters.settings import kept_secret
from supporters.web import giving, own_page

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

FOR_VISITORS = (api.bp, pages.bp, own_pages.bp, own_pages_api.bp, own_page.bp, *giving.BLUEPRINTS)

#: What is tried with a secret, and may therefore not be tried for ever.
THROTTLED = (
    "security.login",
    "security.verify",
    "security.two_factor_token_validation",
    "security.mf_recovery",
    "security.change_password",
    f"{blueprint.NAME}.welcome",
)

_TEMPLATES = {
    "LOGIN_USER": "login",
    "VERIFY": "verify",
    "CHANGE_PASSWORD": "change_password",
    "TWO_FACTOR_SETUP": "two_factor_setup",
    "TWO_FACTOR_VERIFY_CODE": "two_factor_code",
    "TWO_FACTOR_SELECT": "two_factor_code",
    "MULTI_FACTOR_RECOVERY": "recovery",
    "MULTI_FACTOR_RECOVERY_CODES": "recovery_codes",
    "LOGOUT_USER": "logout",
}


class SilentMail(MailUtil):
    """Flask-Security may not mail by itself: mail goes through our outbox, and nothing here needs it."""

    def send_mail(self, *args: Any, **kwargs: Any) -> None:
        current_app.logger.info("a sign-in mail was not sent: this application sends mail through its outbox")


def init_app(app: Flask, db: SQLAlchemy, prefix: str) -> bool:
    """Bring our own sign-in where the host has none; says whether it did."""
    app.after_request(add_headers)
    if "csrf" not in app.extensions:
        CSRFProtect(app)
    for public in FOR_VISITORS:  # No cookie, so no session that another site could ride on.
        app.extensions["csrf"].exempt(public)
    if "security" in app.extensions:
        return False
    _configure(app, prefix)
    datastore = SQLAlchemyUserDatastore(db, User, Role)
    security = Security(app, datastore, mail_util_cls=SilentMail)
    _throttle(app)
    user_authenticated.connect(_note_sign_in, app)
    app.extensions["achterban_security"] = security
    return True


def _configure(app: Flask, prefix: str) -> None:
    settings = app.config
    if not settings.get("SECRET_KEY"):
        settings["SECRET_KEY"] = kept_secret(app.instance_path, "secret_key")
    settings.setdefault("SECURITY_PASSWORD_SALT", kept_secret(app.instance_path, "password_salt"))
    settings.setdefault("SECURITY_TOTP_SECRETS", {1: kept_secret(app.instance_path, "two_factor_key")})
    settings.setdefault(
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES_KEYS",
        [kept_secret(app.instance_path, "recovery_key", lambda: Fernet.generate_key().decode())],
    )
    secure = bool(settings["ADMIN_HTTPS"])
    defaults: dict[str, Any] = {
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "REMEMBER_COOKIE_SECURE": secure,
        "REMEMBER_COOKIE_HTTPONLY": True,
        "REMEMBER_COOKIE_SAMESITE": "Lax",
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=12),
        "SECURITY_URL_PREFIX": prefix,
        "SECURITY_LOGIN_URL": "/sign-in",
        "SECURITY_LOGOUT_URL": "/sign-out",
        "SECURITY_CHANGE_URL": "/password",
        "SECURITY_VERIFY_URL": "/verify",
        "SECURITY_TWO_FACTOR_SETUP_URL": "/two-factor",
        "SECURITY_TWO_FACTOR_TOKEN_VALIDATION_URL": "/two-factor/code",
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES_URL": "/recovery-codes",
        "SECURITY_MULTI_FACTOR_RECOVERY_URL": "/recovery",
        "SECURITY_POST_LOGIN_VIEW": f"{blueprint.NAME}.overview",
        "SECURITY_POST_LOGOUT_VIEW": "security.login",
        "SECURITY_POST_CHANGE_VIEW": f"{blueprint.NAME}.account",
        "SECURITY_TWO_FACTOR_POST_SETUP_VIEW": f"{blueprint.NAME}.account",
        "SECURITY_PASSWORD_HASH": "argon2",
        "SECURITY_PASSWORD_SCHEMES": ["argon2"],
        "SECURITY_PASSWORD_LENGTH_MIN": 12,
        "SECURITY_REGISTERABLE": False,
        "SECURITY_RECOVERABLE": False,
        "SECURITY_CHANGEABLE": True,
        "SECURITY_SEND_PASSWORD_CHANGE_EMAIL": False,
        "SECURITY_TRACKABLE": True,
        "SECURITY_RETURN_GENERIC_RESPONSES": True,
        "SECURITY_LOGOUT_CSRF": True,
        "SECURITY_DATETIME_FACTORY": lambda: datetime.now(UTC),
        "SECURITY_FRESHNESS": timedelta(minutes=30),
        "SECURITY_FRESHNESS_GRACE_PERIOD": timedelta(minutes=10),
        "SECURITY_API_ENABLED_METHODS": ["session"],
        "SECURITY_CLI_USERS_NAME": False,
        "SECURITY_CLI_ROLES_NAME": False,
        "SECURITY_TWO_FACTOR": True,
        "SECURITY_TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
        "SECURITY_TWO_FACTOR_REQUIRED": bool(settings["ADMIN_TWO_FACTOR_REQUIRED"]),
        "SECURITY_TWO_FACTOR_RESCUE_EMAIL": False,
        "SECURITY_TWO_FACTOR_VALIDITY_COOKIE": {"httponly": True, "secure": secure, "samesite": "Strict"},
        "SECURITY_TOTP_ISSUER": settings["ADMIN_NAME"],
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES": True,
    }  # fmt: skip
    for key, template in _TEMPLATES.items():
        defaults[f"SECURITY_{key}_TEMPLATE"] = f"achterban/security/{template}.html"
    for key, value in defaults.items():
        # Flask itself gives some of these a value of None or False before anybody chose.
        if settings.get(key) is None or key in ("SESSION_COOKIE_SECURE", "PERMANENT_SESSION_LIFETIME"):
            settings[key] = value


def authenticate(email: str, secret: str) -> Actor:
    """The person whom a password or a personal token proves; for the command line."""
    session = current_app.extensions["sqlalchemy"].session
    user = session.scalar(select(User).where(func.lower(User.email) == email.strip().lower()))
    proved = user is not None and user.active and user.password is not None
    if proved and user.has_token(secret):
        return Actor.person(user.email, via="command line, token", authenticated=True)
    if user is not None and user.password and verify_password(secret, user.password) and proved:
        if user.tf_primary_method:
            raise NotAllowed(
                "%(email)s signs in with a second step; use a personal token here (achterban admin token %(email)s).",
                field="email", email=email,
            )  # fmt: skip
        return Actor.person(user.email, via="command line, password", authenticated=True)
    raise NotAllowed("%(email)s and this password or token do not belong together.", field="email", email=email)


def authorise(actor: Actor, permission: str) -> bool:
    """Whether this signed-in person's role reaches; for the command line."""
    session = current_app.extensions["sqlalchemy"].session
    user = session.scalar(select(User).where(User.email == actor.name, User.active))
    return actor.authenticated and user is not None and permission in PERMISSIONS and may(permission, user)


def _throttle(app: Flask) -> None:
    """Per address and per account; a right password costs nothing."""
    app.config.setdefault("RATELIMIT_STORAGE_URI", "memory://")
    limiter = Limiter(get_remote_address, app=app, strategy="moving-window", headers_enabled=False)
    limits = {get_remote_address: "ADMIN_LIMIT_ADDRESS", _account: "ADMIN_LIMIT_ACCOUNT"}
    for endpoint in THROTTLED:
        view = app.view_functions.get(endpoint)
        for key, setting in limits.items():
            if view is not None:
                view = limiter.limit(app.config[setting], key_func=key, methods=["POST"], deduct_when=_failed)(view)
                app.view_functions[endpoint] = view


def _failed(response: Response) -> bool:
    return response.status_code not in (301, 302, 303)


def _account() -> str:
    name = request.form.get("email") or session.get("tf_user_id") or getattr(current_user, "email", None)
    return f"account:{(name or get_remote_address()).strip().lower()[:255]}"


def _note_sign_in(app: Flask, user: User, **_: Any) -> None:
    actor = Actor.person(user.email, via=f"admin {get_remote_address()}", authenticated=True)
    audit.record(app.extensions["sqlalchemy"].session, actor, "sign_in", user, now=clock.now())


def add_headers(response: Response) -> Response:
    """What every answer of ours carries; a host's own pages are left alone."""
    if not is_ours():
        return response
    if request.blueprint in [each.name for each in FOR_VISITORS]:  # They say themselves what may be kept and framed.
        return response
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CSP)  # a letter in its frame says its own, which is stricter
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers.setdefault("X-Frame-Options", "DENY")
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    if request.is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if request.endpoint != f"{blueprint.NAME}.static":
        headers["Cache-Control"] = "no-store"
    return response


def is_ours() -> bool:
    """Whether the request is for a page of the admin, or for an address below it that does not exist."""
    if request.blueprint == blueprint.NAME or current_app.extensions["achterban_admin"].owns_everything:
        return True
    own_sign_in = "achterban_security" in current_app.extensions and request.blueprint == "security"
    return own_sign_in or request.path.startswith(current_app.extensions["achterban_admin"].url_prefix + "/")
