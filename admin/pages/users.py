"""Users: who may sign in, with which role. A new one gets a link to choose a password; we never know it."""

from __future__ import annotations

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_security import hash_password
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import func, select
from wtforms import PasswordField, RadioField
from wtforms.validators import EqualTo

from admin import clock
from admin.access import ROLES, current_actor, needs, public, role_of
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy
from admin.kit.confirm import Confirmation
from admin.kit.forms import Form, chosen, required, saving, shown, text
from admin.kit.lists import Column, listing
from admin.labels import choices, label
from admin.users import Role, User
from supporters import audit
from supporters.actor import Actor
from supporters.errors import BadInput, Refused
from supporters.people.contact import clean_email

#: So long a link to choose a password works.
LINK_DAYS = 7

_ROLE_HINTS = {
    "viewer": lazy("Sees everything, changes nothing; IBANs and dates of birth are hidden."),
    "fundraiser": lazy("Keeps supporters, gifts and commitments."),
    "finance": lazy("Also prepares and approves collections, books what goes back, closes a year."),
    "administrator": lazy("Also manages users and reads the audit log."),
}

USERS = listing(
    endpoint="users",
    title=lazy("Users"),
    query=lambda: select(User),
    key=User.id,
    permission="users.manage",
    default_sort="email",
    columns=(
        Column(
            "email",
            lazy("E-mail"),
            lambda u: u.email,
            link=lambda u: url_for(f"{NAME}.user_page", user_id=u.id),
            sort=User.email,
        ),
        Column("name", lazy("Name"), lambda u: u.name),
        Column("role", lazy("Role"), lambda u: label("role", role_of(u))),
        Column(
            "second",
            lazy("Second step"),
            lambda u: (_("On"), "good") if u.tf_primary_method else (_("Off"), "warn"),
            "badge",
        ),
        Column("seen", lazy("Last signed in"), lambda u: u.current_login_at, "moment"),
        Column("state", lazy("State"), lambda u: (_("Active"), "good") if u.active else (_("Closed"), "bad"), "badge"),
    ),
)


def _own_sign_in() -> None:
    if "achterban_security" not in current_app.extensions:
        abort(404)


@bp.get("/users")
@needs("users.manage")
def users() -> ResponseReturnValue:
    _own_sign_in()
    actions = [(_("Invite somebody"), url_for(f"{NAME}.user_new"))]
    return render_template("achterban/list.html", page=USERS.page(session(), request.args), actions=actions)


class InviteForm(Form):
    email = text(lazy("E-mail"), required(), length=255)
    name = text(lazy("Name"), required())
    role = RadioField(lazy("Role"), [chosen()], choices=choices("role", ROLES), default="fundraiser")


@bp.route("/users/new", methods=["GET", "POST"])
@needs("users.manage", fresh=True)
def user_new() -> ResponseReturnValue:
    _own_sign_in()
    form = InviteForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            email = clean_email(form.email.data).lower()
            if saved.scalar(select(User.id).where(func.lower(User.email) == email)):
                raise BadInput("There is a user %(email)s already.", field="email", email=email)
            user = User(email=email, name=form.name.data, active=True, created_at=clock.now())
            saved.add(user)
            saved.flush()
            user.take_role(saved, form.role.data, by=current_actor(), now=clock.now())
            key = user.id
        if not form.refusal:
            return redirect(url_for(f"{NAME}.user_page", user_id=key, new=1))
    return shown(
        "form.html",
        form=form,
        title=_("Invite somebody"),
        crumbs=[(_("Users"), url_for(f"{NAME}.users"))],
        button=_("Make the account"),
        back=url_for(f"{NAME}.users"),
        lead=_("You then get a link to pass on, with which they choose a password."),
    )


class RoleForm(Form):
    role = RadioField(lazy("Role"), [chosen()], choices=choices("role", ROLES))


@bp.get("/users/<int:user_id>")
@needs("users.manage")
def user_page(user_id: int) -> ResponseReturnValue:
    _own_sign_in()
    user: User = User.get(session(), user_id)
    link = password_link(user) if request.args.get("new") and not user.password else None
    return render_template(
        "achterban/user.html",
        user=user,
        form=RoleForm(data={"role": role_of(user)}),
        password_link=link,
        hints=_ROLE_HINTS,
        days=LINK_DAYS,
    )


@bp.post("/users/<int:user_id>/role")
@needs("users.manage", fresh=True)
def user_role(user_id: int) -> ResponseReturnValue:
    user: User = User.get(session(), user_id)
    form = RoleForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            if role_of(user) == "administrator" and form.role.data != "administrator":
                _keep_an_administrator(user)
            user.take_role(saved, form.role.data, by=current_actor(), now=clock.now())
        if not form.refusal:
            flash(_("Saved."), "success")
            return redirect(url_for(f"{NAME}.user_page", user_id=user_id))
    return shown("user.html", form=form, user=user, password_link=None, hints=_ROLE_HINTS, days=LINK_DAYS)


@bp.post("/users/<int:user_id>/link")
@needs("users.manage", fresh=True)
def user_link(user_id: int) -> ResponseReturnValue:
    """A link to choose a (new) password, shown here to be passed on; it ends the sessions there are."""
    user: User = User.get(session(), user_id)
    with saving() as saved:
        user.end_sessions()
        audit.record(saved, current_actor(), "make_password_link", user, now=clock.now(), email=user.email)
    link = password_link(user)
    return render_template(
        "achterban/user.html",
        user=user,
        form=RoleForm(data={"role": role_of(user)}),
        password_link=link,
        hints=_ROLE_HINTS,
        days=LINK_DAYS,
    )


class SureForm(Form):
    """Only the token: the page is the question."""


@bp.route("/users/<int:user_id>/<any('close', 'open', 'forget-second-step'):what>", methods=["GET", "POST"])
@needs("users.manage", fresh=True)
def user_switch(user_id: int, what: str) -> ResponseReturnValue:
    user: User = User.get(session(), user_id)
    form = SureForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            if what == "close":
                _keep_an_administrator(user)
                user.active, user.token_hash = False, None
                user.end_sessions()
            elif what == "open":
                user.active = True
            else:
                user.tf_primary_method = user.tf_totp_secret = user.mf_recovery_codes = None
                user.end_sessions()
            audit.record(saved, current_actor(), what.replace("-", "_"), user, now=clock.now(), email=user.email)
        if not form.refusal:
            flash(_("Saved."), "success")
            return redirect(url_for(f"{NAME}.user_page", user_id=user_id))
    texts: dict[str, tuple[str, str, str]] = {
        "close": (
            _("Close this account"),
            _(
                "%(name)s is signed out everywhere and cannot sign in any more. What they did stays in the audit log.",
                name=user.shown_name,
            ),
            _("Close it"),
        ),
        "open": (_("Open this account again"), _("%(name)s can sign in again.", name=user.shown_name), _("Open it")),
        "forget-second-step": (
            _("Forget the second step"),
            _(
                "%(name)s then signs in with the password only. Be sure that it is really them who ask.",
                name=user.shown_name,
            ),
            _("Forget it"),
        ),
    }
    title, question, button = texts[what]
    return Confirmation(
        title=title,
        question=question,
        button=button,
        back=url_for(f"{NAME}.user_page", user_id=user_id),
        danger=what != "open",
        crumbs=[(_("Users"), url_for(f"{NAME}.users")), (user.email, url_for(f"{NAME}.user_page", user_id=user_id))],
    ).show(form)


def _keep_an_administrator(user: User) -> None:
    others = session().scalar(
        select(func.count())
        .select_from(User)
        .join(User.roles)
        .where(Role.name == "administrator", User.active, User.id != user.id)
    )
    if not others:
        raise Refused("This is the only administrator there is; make somebody else administrator first.", field="role")


# --- choosing a password ---------------------------------------------------------------------------------------


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="achterban-choose-password")


def password_link(user: User) -> str:
    # The stamp changes when the password or the sessions do, so a link works once.
    token = _signer().dumps([user.id, user.fs_uniquifier, (user.password or "")[-12:]])
    return url_for(f"{NAME}.welcome", token=token, _external=True)


class PasswordForm(Form):
    password = PasswordField(lazy("Password"), [required()], render_kw={"autocomplete": "new-password"})
    again = PasswordField(
        lazy("The same again"),
        [required(), EqualTo("password", lazy("These are not the same."))],
        render_kw={"autocomplete": "new-password"},
    )


@bp.route("/welcome/<token>", methods=["GET", "POST"])
@public
def welcome(token: str) -> ResponseReturnValue:
    """Where a new colleague chooses a password; looking at the page uses nothing up."""
    user = _holder(token)
    if user is None or current_user.is_authenticated:
        return render_template(
            "achterban/welcome.html", user=None, form=None
        ), 200 if current_user.is_authenticated else 404
    form = PasswordForm()
    shortest = current_app.config["SECURITY_PASSWORD_LENGTH_MIN"]
    if form.validate_on_submit():
        with saving(form) as saved:
            if len(form.password.data) < shortest:
                raise BadInput(
                    "That password is too short; use at least %(shortest)s characters.",
                    field="password",
                    shortest=shortest,
                )
            user.password = hash_password(form.password.data)
            user.end_sessions()
            audit.record(saved, Actor.person(user.email, via="admin"), "choose_password", user, now=clock.now())
        if not form.refusal:
            flash(_("Your password is set. You can sign in."), "success")
            return redirect(url_for("security.login"))
    return shown("welcome.html", form=form, user=user, shortest=shortest)


def _holder(token: str) -> User | None:
    try:
        key, uniquifier, tail = _signer().loads(token, max_age=LINK_DAYS * 86_400)
    except (BadSignature, ValueError, TypeError):
        return None
    user = session().get(User, key)
    if user is None or not user.active or user.fs_uniquifier != uniquifier or (user.password or "")[-12:] != tail:
        return None
    return user
