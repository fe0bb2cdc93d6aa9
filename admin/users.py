"""The people who sign in to the admin. Used where the host has no Flask-Security of its own."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from datetime import datetime

from flask_security import AsaList, RoleMixin, UserMixin
from sqlalchemy import Column, ForeignKey, String, Table
from sqlalchemy.ext.mutable import MutableList
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from admin.access import ROLES
from supporters import audit
from supporters.actor import Actor
from supporters.db import Base, Key, instant, pk
from supporters.errors import BadInput

user_role = Table(
    "admin_user_role",
    Base.metadata,
    Column("user_id", Key, ForeignKey("admin_user.id"), primary_key=True),
    Column("role_id", Key, ForeignKey("admin_role.id"), primary_key=True),
)


class Role(Base, RoleMixin):
    __tablename__ = "admin_role"

    id: Mapped[pk]
    name: Mapped[str] = mapped_column(String(80), unique=True)


class User(Base, UserMixin):
    __tablename__ = "admin_user"

    id: Mapped[pk]
    email: Mapped[str] = mapped_column(String(255), unique=True)
    name: Mapped[str | None] = mapped_column(String(255))
    language: Mapped[str | None] = mapped_column(String(5))
    password: Mapped[str | None] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True, default=lambda: uuid.uuid4().hex)
    created_at: Mapped[instant]
    # Flask-Security fills what follows.
    last_login_at: Mapped[instant | None]
    current_login_at: Mapped[instant | None]
    last_login_ip: Mapped[str | None] = mapped_column(String(64))
    current_login_ip: Mapped[str | None] = mapped_column(String(64))
    login_count: Mapped[int | None]
    tf_primary_method: Mapped[str | None] = mapped_column(String(64))
    tf_totp_secret: Mapped[str | None] = mapped_column(String(255))
    tf_phone_number: Mapped[str | None] = mapped_column(String(128))
    mf_recovery_codes: Mapped[list[str] | None] = mapped_column(MutableList.as_mutable(AsaList()))
    # The command line signs in with a token; only its hash is kept.
    token_hash: Mapped[str | None] = mapped_column(String(64))
    token_made_at: Mapped[instant | None]

    roles: Mapped[list[Role]] = relationship(secondary=user_role, lazy="selectin")

    @property
    def shown_name(self) -> str:
        return self.name or self.email

    def new_token(self, *, now: datetime) -> str:
        """Make the personal token, which ends the one before; it is shown once and only its hash stays."""
        token = f"ab_{secrets.token_urlsafe(32)}"
        self.token_hash, self.token_made_at = _hash(token), now
        return token

    def has_token(self, token: str) -> bool:
        return self.token_hash is not None and hmac.compare_digest(self.token_hash, _hash(token))

    def take_role(self, session: Session, role: str, *, by: Actor, now: datetime) -> None:
        """Give this one role in place of what the person had."""
        before = [known.name for known in self.roles]
        self.roles = [role_row(session, role)]
        audit.record(session, by, "take_role", self, now=now, email=self.email, role=role, before=before)

    def end_sessions(self) -> None:
        """Sign this person out everywhere: sessions and cookies carry the old value."""
        self.fs_uniquifier = uuid.uuid4().hex


def role_row(session: Session, name: str) -> Role:
    if name not in ROLES:
        raise BadInput(
            "There is no role “%(role)s”; choose one of %(roles)s.", field="role", role=name, roles=", ".join(ROLES)
        )
    role = session.query(Role).filter_by(name=name).one_or_none()
    if role is None:
        role = Role(name=name)
        session.add(role)
    return role


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
