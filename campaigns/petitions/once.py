"""A form that is sent again: recognised by its keys, so that a double click or a retry is one signature."""

from __future__ import annotations

from sqlalchemy import Connection, ForeignKey, LargeBinary, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.petitions.terms import REMEMBERED, Prepared
from supporters.db import Base, instant
from supporters.errors import BadInput, Mistakes

_TAKEN = {
    "submission_key": "Another form was sent with this key; load the form once more.",
    "altcha": "This proof was used before; wait a moment and send the form once more.",
}


class Once(Base):
    """Keys that are good for one form: the form's own, and a solved proof of work. Forgotten after a while."""

    __tablename__ = "campaigns_once"

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    petition_id: Mapped[int] = mapped_column(ForeignKey("campaigns_petition.id"))
    content_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    forget_at: Mapped[instant] = mapped_column(index=True)


def misused(connection: Connection, row: Prepared) -> Mistakes | None:
    """What is wrong with keys that were used before: nothing where it was by this very form."""
    keys = [key for _, key in row.keys]
    known = connection.execute(select(Once.key, Once.content_hash).where(Once.key.in_(keys))).all()
    taken = {key for key, content_hash in known if content_hash != row.content_hash}
    if not taken:
        return None
    # A corrected form must not find its new keys spent by this one.
    connection.execute(
        delete(Once).where(Once.key.in_(set(keys) - taken), Once.forget_at == row.signed_at + REMEMBERED)
    )
    return Mistakes([BadInput(_TAKEN[name], field=name) for name, key in row.keys if key in taken])
