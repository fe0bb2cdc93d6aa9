"""One line for each request to a gateway: which verb, about what, how long, and what came of it. Kept a while."""

from __future__ import annotations

from sqlalchemy import Boolean, Index
from sqlalchemy.orm import Mapped, mapped_column

from supporters.db import Base, Key, instant, line, pk, word


class GatewayCall(Base):
    __tablename__ = "supporters_gateway_call"
    __table_args__ = (Index(None, "account", "at"), Index(None, "payment_id"), Index(None, "at"))

    id: Mapped[pk]
    account: Mapped[word]
    verb: Mapped[word]  # of the Gateway: begin, charge, fetch, …
    payment_id: Mapped[int | None] = mapped_column(Key)
    at: Mapped[instant]
    milliseconds: Mapped[int]
    is_ok: Mapped[bool] = mapped_column(Boolean)
    outcome: Mapped[line]  # the state that was answered, or the error's code and message
