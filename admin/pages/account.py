"""One's own: language, sign-in, command-line token."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from admin import access, clock
from admin.blueprint import NAME, bp
from admin.i18n import LANGUAGES
from admin.i18n import gettext as _
from supporters import audit


@bp.post("/language")
@access.public
def language() -> ResponseReturnValue:
    """Remember the choice: for this browser, and for the person where somebody is signed in."""
    choice = request.form.get("language", "")
    if choice in LANGUAGES:
        session["achterban_language"] = choice
        if current_user.is_authenticated and hasattr(current_user, "language"):
            current_user.language = choice
            current_app.extensions["sqlalchemy"].session.commit()
    return redirect(_local(request.form.get("next", "")))


@bp.get("/account")
@access.signed_in
def account() -> ResponseReturnValue:
    return render_template("achterban/account.html")


@bp.post("/account/token")
@access.signed_in
def account_token() -> ResponseReturnValue:
    """Show a new command-line token, once."""
    db_session = current_app.extensions["sqlalchemy"].session
    token = current_user.new_token(now=clock.now())
    audit.record(db_session, access.current_actor(), "make_token", current_user._get_current_object(), now=clock.now())
    db_session.commit()
    flash(_("The token before this one no longer works."), "info")
    return render_template("achterban/account.html", token=token)


def _local(address: str) -> str:
    """Only ever back to a page of this site."""
    parts = urlsplit(address)
    if address.startswith("/") and not address.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme:
        return address
    return url_for(f"{NAME}.overview")
