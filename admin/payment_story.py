"""What an online payment is and what happens next, in whole sentences for somebody who never saw a gateway."""

from __future__ import annotations

import re
from dataclasses import dataclass

from admin import clock
from admin.i18n import day, moment, money, worded
from admin.i18n import gettext as _
from admin.labels import label
from supporters import GatewayCall, Money, OnlinePayment
from supporters.payments.online.refund import reversible_until


@dataclass(frozen=True)
class Story:
    """``so_far`` says what is, ``next`` what follows by itself or by whom."""

    so_far: str
    next: str = ""


def number(payment_id: int) -> str:
    """As it stands on the donor's bank statement."""
    return f"P{payment_id}"


def failure(online: OnlinePayment) -> str:
    return label("failure_code", online.failure_code) if online.failure_code else _("no reason was given")


def noted(note: str) -> str:
    """What came of a piece of news, as the job that looked at it noted it."""
    if found := re.fullmatch(r"\d+ new: ([a-z_, ]+)", note):
        return _("New: %(what)s", what=", ".join(label("fact", kind) for kind in found[1].split(", ")).lower())
    return worded(note)


def answered(call: GatewayCall) -> str:
    """What came of a question, in plain words; the vendor's own stand beside it where they say more."""
    code = call.outcome.partition(":")[0]
    said = label("gateway_answer", code)
    if said != code:
        return said
    return label("gateway_mandate", code) if call.verb in ("mandate", "revoke") else label("online_step", code)


def story(online: OnlinePayment, left: Money | None) -> Story:
    """``left`` is what of a received payment was not given or taken back."""
    again = _("We look again by ourselves on %(moment)s.", moment=moment(online.next_sync_at))
    by_itself = again if online.next_sync_at else _("We look again when the gateway tells us that something changed.")
    stories = {
        "prepared": lambda: Story(
            _("This payment is ready, and the gateway was not asked for it yet."),
            _("That happens by itself, within a few minutes."),
        ),
        "submitting": lambda: Story(_("We are asking the gateway for it at this moment."), by_itself),
        "unknown": lambda: _unknown(online, again),
        "open": lambda: Story(
            _("The donor was sent to the page of the gateway and has not paid there yet. Nothing is booked."), by_itself
        ),
        "processing": lambda: Story(
            _(
                "The donor is done and their bank is not: with a direct debit that can take some days."
                " Do not ask them to pay again."
            ),
            by_itself,
        ),
        "paid": lambda: _paid(online, left),
        "failed": lambda: Story(
            _("It failed: %(why)s. Nothing was booked.", why=failure(online)), _after_failing(online)
        ),
        "cancelled": lambda: Story(
            _("Somebody looked, and the gateway has no such payment. Nothing was booked.")
            if online.failure_code == "never_made"
            else _("It was broken off before it was paid. Nothing was booked."),
            _late(),
        ),
        "expired": lambda: Story(_("It was not paid in time. Nothing was booked."), _late()),
        "parked": lambda: Story(
            _(
                "What the gateway has under this name is not what we asked for: %(why)s. So nothing of it is booked.",
                why=worded(online.parked_for or ""),
            ),
            _(
                "Look in the gateway's own dashboard what it is. Was something set wrong and is it right now, let us"
                " look again. Is it not ours, set it down as never made."
            ),
        ),
    }
    return stories[online.step]()


def _unknown(online: OnlinePayment, again: str) -> Story:
    so_far = _("We asked the gateway for it and got no answer, so it may have been made or not.")
    if online.next_sync_at is not None:
        return Story(so_far, _("Nothing is charged twice.") + " " + again)
    return Story(
        so_far,
        _(
            "It is too long ago to ask again. Look in the gateway's own dashboard for the reference below. Is it there,"
            " let us look once more. Is it not there, set it down as never made."
        ),
    )


def _paid(online: OnlinePayment, left: Money | None) -> Story:
    if online.purpose == "setup":
        return Story(
            _("The donor gave a mandate. What the gateway moved for that went back at once: it is no gift."),
            "" if online.gateway_mandate_id else _("The gateway has not told us of the mandate yet; we look again."),
        )
    gift = online.payment.gift
    received = day(gift.received_on) if gift is not None else "–"
    so_far = _("The money came in on %(day)s and is booked as a gift.", day=received)
    if online.duplicate_of_id is not None:
        so_far = _(
            "The money came in on %(day)s. It is a second payment for what was paid already, so it is booked as a gift"
            " of its own.",
            day=received,
        )
    if left is not None and not left:
        return Story(so_far + " " + _("All of it went back since."))
    if online.duplicate_of_id is not None:
        return Story(so_far, _("Ask the donor whether they meant it, or give it back."))
    until = reversible_until(online, gift.received_on) if gift is not None else None
    if until is not None and until >= clock.today():
        return Story(
            so_far, _("Until %(day)s the donor can take it back at their bank, without a reason.", day=day(until))
        )
    return Story(so_far)


def _late() -> str:
    return _("Should the money come after all, it is booked by itself.")


def _after_failing(online: OnlinePayment) -> str:
    instalment = online.payment.instalment
    if instalment is None:
        return _late()
    if instalment.status == "due" and instalment.not_before_on:
        return _("It is tried again on %(day)s, and the donor was told so.", day=day(instalment.not_before_on))
    if instalment.status == "paid":
        return _("It was paid in another way since.")
    if instalment.status == "due":
        return _("Somebody asked for it again: it goes along with the next charges.")
    if instalment.status == "returned":
        return _("It is not tried again by itself; see the commitment.")
    return ""


def warnings_before_refund(online: OnlinePayment, *, alone: Money) -> list[str]:
    """What somebody should know before money goes back."""
    points = [_("The money goes back to the account or card it came from. That can take some days.")]
    gift = online.payment.gift
    until = reversible_until(online, gift.received_on) if gift is not None else None
    if until is not None and until >= clock.today():
        points.insert(
            0,
            _(
                "Careful: until %(day)s the donor can also take this back at their own bank. If both happen, we lose"
                " the money twice. Ask them not to, or wait.",
                day=day(until),
            ),
        )
    points.append(_("The donor gets a message when it is done."))
    points.append(
        _("Above %(limit)s it waits until a second person with the role Finance approves it.", limit=money(alone))
    )
    return points
