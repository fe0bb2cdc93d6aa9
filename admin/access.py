"""Who may do what: one table of permissions, one decorator, one Actor for the request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from flask import abort, current_app, g, redirect, request, url_for
from flask_login import current_user
from flask_security.decorators import check_and_update_authn_fresh
from werkzeug.exceptions import Forbidden

from admin.blueprint import NAME
from supporters.actor import Actor

#: Lowest first; each role may do what those before it may.
ROLES = ("viewer", "fundraiser", "finance", "administrator")

#: What there is to be allowed, and the lowest role that may.
PERMISSIONS = {
    "overview.see": "viewer",
    "people.see": "viewer",
    "people.private": "fundraiser",  # whole IBANs and birth dates
    "people.edit": "fundraiser",
    "people.death": "fundraiser",
    "gifts.see": "viewer",
    "gifts.book": "fundraiser",
    "gifts.thank": "fundraiser",
    "gifts.reverse": "finance",
    "commitments.see": "viewer",
    "commitments.edit": "fundraiser",
    "lists.export": "fundraiser",
    "import.run": "fundraiser",
    "tasks.see": "viewer",
    "tasks.do": "fundraiser",
    "money.see": "viewer",
    "money.run": "finance",
    "money.look": "fundraiser",  # ask a payment gateway how it stands
    "money.raw": "finance",  # what a gateway posted, as it came
    "money.refund": "finance",
    "returns.act": "fundraiser",  # on debits that came back
    "money.approve": "finance",
    "money.accept": "finance",  # a statement that does not add up
    "bank.work": "fundraiser",  # read files in, book what is matched, answer what is not
    "petitions.see": "viewer",
    "petitions.edit": "fundraiser",
    "petitions.private": "fundraiser",
    "petitions.remove": "fundraiser",
    "petitions.handover": "administrator",
    "crowdfunding.see": "viewer",
    "crowdfunding.edit": "fundraiser",
    "crowdfunding.approve": "finance",
    "reports.see": "viewer",
    "year.close": "finance",
    "settings.edit": "finance",
    "users.manage": "administrator",
    "audit.see": "administrator",
}

#: Sensitive acts ask for the password again when it was given longer ago than this.
FRESH = timedelta(minutes=30)


class Denied(Forbidden):
    """Signed in, but the role does not reach; the page says which roles do."""

    def __init__(self, permission: str) -> None:
        super().__init__()
        self.permission = permission
        self.roles = roles_with(permission)


def roles_with(permission: str) -> tuple[str, ...]:
    return ROLES[ROLES.index(PERMISSIONS[permission]) :]


def role_of(user: Any) -> str | None:
    """The highest of our roles this user has; a host's own user counts by the names of its roles."""
    names = {getattr(role, "name", role) for role in getattr(user, "roles", ())}
    return max((role for role in ROLES if role in names), key=ROLES.index, default=None)


def may(permission: str, user: Any = None) -> bool:
    role = role_of(user or current_user)
    return role is not None and role in roles_with(permission)


def needs(permission: str, *, fresh: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Guard a view. ``fresh`` asks for the password again when that was long ago."""
    if permission not in PERMISSIONS:
        raise KeyError(permission)

    def guard(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not current_user.is_authenticated:
                return _to_sign_in()
            if not may(permission):
                raise Denied(permission)
            verify = _sign_in_view("verify") if fresh else None
            if verify and not check_and_update_authn_fresh(FRESH, FRESH / 3, "session"):
                return redirect(verify)
            return view(*args, **kwargs)

        guarded.needs = permission  # type: ignore[attr-defined]
        return guarded

    return guard


def public(view: Callable[..., Any]) -> Callable[..., Any]:
    """Say out loud that a route needs no sign-in, so that the walk over the url map accepts it."""
    view.public = True  # type: ignore[attr-defined]
    return view


def signed_in(view: Callable[..., Any]) -> Callable[..., Any]:
    """Guard what every signed-in person may, whatever the role: their own language, their own password."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs) if current_user.is_authenticated else _to_sign_in()

    guarded.needs = "signed-in"  # type: ignore[attr-defined]
    return guarded


def _way_back() -> str:
    """Where to go on after a password. What only takes a POST must be sent again from the page it was on."""
    if request.method == "GET":
        return request.full_path.rstrip("?")
    if request.url_rule is not None and "GET" in (request.url_rule.methods or ()):
        return request.path
    before = urlsplit(request.referrer or "")
    return before.path if before.netloc == request.host else url_for(f"{NAME}.overview")


def _sign_in_view(name: str) -> str | None:
    """The address of a view of Flask-Security, ours or the host's; None where it has none."""
    endpoint = f"{current_app.config.get('SECURITY_BLUEPRINT_NAME', 'security')}.{name}"
    return url_for(endpoint, next=_way_back()) if endpoint in current_app.view_functions else None


def _to_sign_in() -> Any:
    where = _sign_in_view("login")
    return redirect(where) if where else abort(401)


def current_actor() -> Actor:
    """The signed-in person, as every verb wants to know."""
    if "achterban_actor" not in g:
        if not current_user.is_authenticated:
            abort(401)
        g.achterban_actor = Actor.person(current_user.email, via="admin", authenticated=True)
    return g.achterban_actor
