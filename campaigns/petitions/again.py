"""An address that signed before: what signing again does. The visitor gets the answer that everybody gets; the mailbox
hears how it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from campaigns.petitions.signature import OVER
from campaigns.petitions.terms import Prepared

#: The confirmation is mailed at most so often for one signature: nobody can flood somebody else's mailbox.
MOST_MAILS = 5
#: Of a signature that is withdrawn and signed over and over.
MOST_ANEW = 4 * MOST_MAILS

#: first: nobody signed from here. second: somebody else who shares the address. anew: it was over, and counts again.
#: ask: the button is mailed once more. tell: the mailbox hears that it had signed. nothing: there is nothing to say.
Step = Literal["first", "second", "anew", "ask", "tell", "nothing"]


@dataclass(frozen=True, slots=True)
class Before:
    """A signature that is there."""

    slot: int
    name_key: bytes
    state: str
    mails: int


def next_step(there: Sequence[Before], row: Prepared) -> tuple[Step, Before | None]:
    """What to do, and with which of those that are there, by slot; the statement of PostgreSQL has this rule in SQL."""
    if not there or there[0].slot > 1:
        return "first", None
    same = next((one for one in there if one.name_key == row.name_key), None)
    if same is None and len(there) < row.per_address:
        return "second", None
    before = same or next((one for one in there if one.state in (*OVER, "pending")), there[0])
    if before.state in OVER:
        return "anew", before
    if before.state in ("pending", "received") and before.mails < MOST_MAILS and row.template == "petition_confirm":
        return "ask", before
    if before.state == "confirmed" and row.template is not None:
        return "tell", before
    return "nothing", before
