"""A recurring promise. Skipping, pausing, stopping and restarting are different verbs with different meaning."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from supporters import audit, hooks
from supporters.actor import Actor
from supporters.db import Base, actor_key, currency, instant, pk, word
from supporters.errors import BadInput, Refused
from supporters.giving import turns
from supporters.giving.fund import Fund
from supporters.giving.gateway_mandate import GatewayMandate
from supporters.giving.instalment import Instalment
from supporters.giving.mandate import Mandate
from supporters.giving.months import INTERVALS
from supporters.giving.pause import Pause
from supporters.giving.term import Term
from supporters.money import Money
from supporters.people.supporter import Supporter

END_REASONS = (
    "donor_request",
    "financial",
    "no_longer_interested",
    "dissatisfied",
    "other_charity",
    "deceased",
    "payment_failures",
    "account_closed",
    "completed",
    "replaced",
    "unknown",
)
#: So many instalments ahead can be left out.
SKIP_AHEAD = 24
#: sepa: in our own files · transfer: the donor pays by themselves · mollie, stripe: runs at that vendor by itself, as
#: imported · online: charged by us on a gateway's mandate.
METHODS = ("sepa", "transfer", "mollie", "stripe", "online")


class Commitment(Base):
    __tablename__ = "supporters_commitment"
    __table_args__ = (
        CheckConstraint("ended_on IS NULL OR end_reason IS NOT NULL", name="end_has_reason"),
        CheckConstraint(f"method IN ({', '.join(repr(m) for m in METHODS)})", name="method"),
        CheckConstraint("method <> 'online' OR gateway_mandate_id IS NOT NULL", name="online_has_mandate"),
        CheckConstraint("next_number > 0", name="next_number_positive"),
        Index(None, "next_due_on"),
        Index(None, "started_on"),
    )

    id: Mapped[pk]
    supporter_id: Mapped[int] = mapped_column(
        ForeignKey("supporters_supporter.id"), index=True, info={"on_merge": "move", "on_erase": "keep"}
    )
    fund_id: Mapped[int] = mapped_column(ForeignKey("supporters_fund.id"))
    mandate_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_mandate.id"), index=True)
    gateway_mandate_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_gateway_mandate.id"), index=True)
    method: Mapped[word] = mapped_column(default="sepa")
    currency: Mapped[currency]
    started_on: Mapped[date]
    ended_on: Mapped[date | None]  # first day on which it holds no more
    end_reason: Mapped[word | None]
    ended_by: Mapped[actor_key | None]
    source_code: Mapped[word | None]
    restarts_id: Mapped[int | None] = mapped_column(ForeignKey("supporters_commitment.id"))
    next_number: Mapped[int] = mapped_column(default=1)  # of the first instalment that has no row yet
    next_due_on: Mapped[date | None]  # its due date; follows from the open term
    created_at: Mapped[instant]
    created_by: Mapped[actor_key]

    supporter: Mapped[Supporter] = relationship()
    fund: Mapped[Fund] = relationship()
    mandate: Mapped[Mandate | None] = relationship()
    gateway_mandate: Mapped[GatewayMandate | None] = relationship()
    terms: Mapped[list[Term]] = relationship(order_by=Term.id)
    pauses: Mapped[list[Pause]] = relationship(order_by=Pause.id)
    instalments: Mapped[list[Instalment]] = relationship(back_populates="commitment", order_by=Instalment.number)

    # -- starting ---------------------------------------------------------------------------------

    @classmethod
    def start(
        cls,
        session: Session,
        supporter: Supporter,
        money: Money,
        *,
        every: str,
        start_on: date,
        by: Actor,
        now: datetime,
        fund: Fund | None = None,
        mandate: Mandate | None = None,
        gateway_mandate: GatewayMandate | None = None,
        method: str = "sepa",
        source_code: str | None = None,
        next_number: int = 1,
        started_on: date | None = None,
    ) -> Commitment:
        """A new promise whose first instalment falls due on ``start_on``.

        ``next_number`` above 1 is for one that ran elsewhere since ``started_on``: ``start_on`` is then the due date of
        that number.
        Without ``fund`` it is for the fund with code "general".
        """
        if every not in INTERVALS:
            raise BadInput(
                "“%(every)s” is not an interval; there are: %(known)s.",
                field="interval",
                every=every[:30],
                known=", ".join(INTERVALS),
            )
        if money.amount <= 0:
            raise BadInput("The amount of a commitment is more than nothing.", field="amount")
        if supporter.is_deceased:
            raise Refused("%(name)s has died: no commitment can start.", name=supporter.name)
        if method not in METHODS:
            raise BadInput(
                "“%(method)s” is not a way to pay; there are: %(known)s.",
                field="method",
                method=method,
                known=", ".join(METHODS),
            )
        if mandate is not None:
            if mandate.supporter is not supporter:
                raise Refused(
                    "Mandate %(reference)s belongs to another supporter.",
                    field="mandate_reference",
                    reference=mandate.reference,
                )
            if why := mandate.why_unusable(now.date()):
                raise Refused(
                    "Mandate %(reference)s cannot be collected on: %(why)s.",
                    field="mandate_reference",
                    reference=mandate.reference,
                    why=why,
                )
        if gateway_mandate is not None:
            method = cls._charged_on(gateway_mandate, supporter)
        fund = fund or Fund.by_code(session, "general")
        fund.refuse_if_closed(now.date())
        commitment = cls(
            supporter=supporter,
            fund=fund,
            mandate=mandate,
            gateway_mandate=gateway_mandate,
            method=method,
            currency=money.currency,
            started_on=started_on or start_on,
            source_code=source_code,
            next_number=next_number,
            next_due_on=start_on,
            created_at=now,
            created_by=by.key,
        )
        commitment.terms.append(
            Term(
                amount=money.amount,
                interval_months=INTERVALS[every],
                anchor_on=start_on,
                anchor_day=start_on.day,
                first_number=next_number,
                reason="started",
                recorded_at=now,
                recorded_by=by.key,
            )
        )
        session.add(commitment)
        audit.record(session, by, "start", commitment, now=now, amount=money.amount, every=every)
        return commitment

    def restart(
        self, session: Session, mandate: Mandate | None, *, start_on: date, by: Actor, now: datetime
    ) -> Commitment:
        """A new commitment like this ended one, on a usable mandate: what was ended is not revived by us alone."""
        if self.ended_on is None:
            raise Refused("This commitment has not ended; resume it instead.")
        if self.method in ("sepa", "online") and mandate is None:
            raise Refused("Restarting takes a mandate to collect on.", field="mandate_reference")
        new = Commitment.start(
            session,
            self.supporter,
            self.money,
            every=self.term.every,
            start_on=start_on,
            fund=self.fund,
            mandate=mandate,
            method="sepa" if mandate is not None else self.method,
            source_code=self.source_code,
            by=by,
            now=now,
        )
        session.flush()
        new.restarts_id = self.id
        return new

    # -- reading ----------------------------------------------------------------------------------

    @property
    def number(self) -> str:
        return f"C{self.id:07d}"

    @property
    def term(self) -> Term:
        """The term in force."""
        return self.terms[-1]

    @property
    def money(self) -> Money:
        return Money(self.term.amount, self.currency)

    def state(self, on: date) -> str:
        """ended, paused, upcoming or active on that day; derived, never typed by hand."""
        if self.ended_on is not None and self.ended_on <= on:
            return "ended"
        if any(pause.covers(on) for pause in self.pauses):
            return "paused"
        return "upcoming" if on < self.started_on else "active"

    def is_active(self, on: date) -> bool:
        return self.state(on) == "active"

    # -- changing ---------------------------------------------------------------------------------

    def change(
        self,
        session: Session,
        money: Money | None = None,
        *,
        every: str | None = None,
        reason: str,
        by: Actor,
        now: datetime,
    ) -> Term:
        """A new amount or interval, from the first instalment that no run has taken yet. The due grid stays.

        An instalment in a collection that is being prepared keeps the amount it had, and so does one that came back.
        With a new interval, of several that wait only the last begins it: the others were due on the old grid.
        """
        self._lock(session)
        self._must_not_have_ended()
        old = self.term
        money = self.money if money is None else money
        if not reason.strip():
            raise BadInput("Say why the commitment changes.", field="reason")
        if money.amount <= 0 or money.currency != self.currency:
            raise BadInput(
                "The amount of a commitment is more than nothing, in %(currency)s.",
                field="amount",
                currency=self.currency,
            )
        if every is not None and every not in INTERVALS:
            raise BadInput(
                "“%(every)s” is not an interval; there are: %(known)s.",
                field="interval",
                every=every[:30],
                known=", ".join(INTERVALS),
            )
        months = old.interval_months if every is None else INTERVALS[every]
        if (money.amount, months) == (old.amount, old.interval_months):
            raise Refused("The commitment is %(money)s per %(every)s already.", money=str(money), every=old.every)
        regrid = months != old.interval_months
        open_ones = self._not_taken(old)
        if regrid:
            open_ones = [i for i in open_ones[-1:] if i.number == self.next_number - 1 and i.status == "due"]
        if not open_ones and self.next_due_on is None:
            raise Refused("This was for one time, and that has been taken; start a new commitment.")
        first = open_ones[0].number if open_ones else self.next_number
        anchor = open_ones[0].due_on if open_ones else self.next_due_on
        assert anchor is not None
        ahead = [i for i in self.instalments if i.number >= self.next_number]
        if regrid and ahead:
            # They were left out by date. Their numbers mean other dates on the new grid, so it begins past them.
            first, open_ones = ahead[-1].number + 1, []
            anchor = self.next_due_on or anchor
            self.next_number = first
        elif not regrid:
            open_ones += ahead
        old.last_number = first - 1
        session.flush()
        new = Term(
            commitment_id=self.id,
            amount=money.amount,
            interval_months=months,
            anchor_on=anchor,
            anchor_day=old.anchor_day,
            first_number=first,
            reason=reason.strip()[:255],
            recorded_at=now,
            recorded_by=by.key,
        )
        session.add(new)
        session.flush()
        for instalment in open_ones:
            instalment.term_id, instalment.amount = new.id, money.amount
        if regrid and months and ahead:
            self._leave_out_again(new, {i.due_on for i in ahead if i.status == "skipped"})
        if months == 0 and open_ones:
            self.next_due_on = None
        else:
            self.next_due_on = new.due_on(self.next_number)
        session.flush()
        session.expire(self, ["terms", "instalments"])
        audit.record(
            session,
            by,
            "change",
            self,
            now=now,
            amount=[old.amount, money.amount],
            months=[old.interval_months, months],
            reason=reason,
        )
        return new

    def _not_taken(self, term: Term) -> list[Instalment]:
        """The last instalments of the term that no run has taken, beginning with one that waits."""
        found: list[Instalment] = []
        for instalment in reversed([i for i in self.instalments if term.first_number <= i.number < self.next_number]):
            if instalment.status not in ("due", "skipped", "paused") or instalment.asked_again_on is not None:
                break
            found.insert(0, instalment)
        while found and found[0].status != "due":
            found.pop(0)
        return found

    def _leave_out_again(self, term: Term, days: set[date]) -> None:
        """Instalments of ``term`` that fall due on these days were left out before the grid changed."""
        number = term.first_number
        while days and (due_on := term.due_on(number)) <= max(days):
            if due_on in days:
                self.instalments.append(
                    Instalment(number=number, term_id=term.id, due_on=due_on, amount=term.amount, status="skipped")
                )
            number += 1

    def use(self, session: Session, mandate: Mandate, *, by: Actor, now: datetime) -> None:
        """Collect on this mandate from now on."""
        self._lock(session)
        self._must_not_have_ended()
        if mandate.supporter_id != self.supporter_id:
            raise Refused(
                "Mandate %(reference)s belongs to another supporter.",
                field="mandate_reference",
                reference=mandate.reference,
            )
        if why := mandate.why_unusable(now.date()):
            raise Refused(
                "Mandate %(reference)s cannot be collected on: %(why)s.",
                field="mandate_reference",
                reference=mandate.reference,
                why=why,
            )
        self.mandate, self.gateway_mandate, self.method = mandate, None, "sepa"
        audit.record(session, by, "use_mandate", self, now=now, reference=mandate.reference)
        session.flush()
        hooks.fire("mandate_taken", session, commitment_id=self.id, by=by, now=now)

    def charge_on(self, session: Session, mandate: GatewayMandate, *, by: Actor, now: datetime) -> None:
        """Charge this gateway's mandate from now on, whatever it was collected on before."""
        self._lock(session)
        self._must_not_have_ended()
        self.method = self._charged_on(mandate, self.supporter)
        self.mandate, self.gateway_mandate = None, mandate
        audit.record(session, by, "charge_on", self, now=now, account=mandate.account)
        session.flush()

    @staticmethod
    def _charged_on(mandate: GatewayMandate, supporter: Supporter) -> str:
        if mandate.supporter_id != supporter.id:
            raise Refused("The mandate at %(account)s belongs to another supporter.", account=mandate.account)
        if mandate.state not in ("valid", "pending"):
            raise Refused(
                "The mandate at %(account)s cannot be charged: %(why)s.", account=mandate.account, why=mandate.state
            )
        return "online"

    def pause(
        self,
        session: Session,
        *,
        from_on: date,
        until_on: date | None = None,
        reason: str = "",
        by: Actor,
        now: datetime,
    ) -> Pause:
        """Collect nothing that falls due from ``from_on`` to the day before ``until_on``; it is never owed."""
        self._lock(session)
        self._must_not_have_ended()
        if until_on is not None and until_on <= from_on:
            raise BadInput("A pause ends after it began (%(on)s).", field="until_on", on=from_on.isoformat())
        for other in self.pauses:
            if (other.until_on is None or from_on < other.until_on) and (until_on is None or other.from_on < until_on):
                raise Refused(
                    "There is a pause in that time already (from %(on)s).",
                    field="from_on",
                    on=other.from_on.isoformat(),
                )
        pause = Pause(
            commitment_id=self.id,
            from_on=from_on,
            until_on=until_on,
            reason=reason,
            recorded_at=now,
            recorded_by=by.key,
        )
        self.pauses.append(pause)
        for instalment in self.instalments:
            if instalment.status == "due" and pause.covers(instalment.due_on):
                instalment.status = "paused"
        audit.record(
            session,
            by,
            "pause",
            self,
            now=now,
            from_on=from_on.isoformat(),
            until_on=until_on and until_on.isoformat(),
            reason=reason,
        )
        session.flush()
        hooks.fire("commitment_paused", session, commitment_id=self.id, pause=pause, by=by, now=now)
        return pause

    def hold(self, session: Session, *, from_on: date, reason: str, by: Actor, now: datetime) -> None:
        """Collect nothing from ``from_on`` until a person resumes it, between and after the pauses there are too."""
        self._lock(session)
        if self.ended_on is not None:
            return
        free: date | None = from_on
        for other in sorted(self.pauses, key=lambda pause: pause.from_on):
            if free is None or (other.until_on is not None and other.until_on <= free):
                continue
            if free < other.from_on:
                self.pause(session, from_on=free, until_on=other.from_on, reason=reason, by=by, now=now)
            free = other.until_on
        if free is not None:
            self.pause(session, from_on=free, reason=reason, by=by, now=now)

    def resume(self, session: Session, *, on: date, by: Actor, now: datetime) -> None:
        """End the pause. The due grid goes on as it was, and nothing is collected for the time of the pause.

        What a run had set down as paused, but falls due after the pause as it ends now, is due again.
        """
        self._lock(session)
        self._must_not_have_ended()
        pauses = [p for p in self.pauses if p.until_on is None or p.until_on > on]
        if not pauses:
            raise Refused("This commitment is not paused.")
        for pause in pauses:
            pause.until_on, pause.resumed_by = max(on, pause.from_on), by.key
        for instalment in self.instalments:
            later = instalment.status == "paused" and instalment.due_on >= max(on, now.date())
            if later and not any(pause.covers(instalment.due_on) for pause in self.pauses):
                instalment.status = "due"
        audit.record(session, by, "resume", self, now=now, on=on.isoformat())
        session.flush()

    def skip(self, session: Session, number: int | None = None, *, by: Actor, now: datetime) -> Instalment:
        """Leave out one instalment, the next by default: it is never owed. Raises Refused where a run has taken it."""
        self._lock(session)
        self._must_not_have_ended()
        waiting = next((i for i in self.instalments if i.status == "due"), None)
        wanted = number or (waiting.number if waiting else self.next_number)
        found = next((i for i in self.instalments if i.number == wanted), None)
        if found is None:
            term = self.term
            if (
                not self.next_number <= wanted < self.next_number + SKIP_AHEAD
                or self.next_due_on is None
                or (term.interval_months == 0 and wanted > term.first_number)
            ):
                raise Refused("This commitment has no instalment %(number)s.", field="number", number=wanted)
            found = Instalment(
                commitment_id=self.id,
                number=wanted,
                term_id=term.id,
                due_on=term.due_on(wanted),
                amount=term.amount,
                status="skipped",
            )
            self.instalments.append(found)
        elif found.status == "due":
            found.status = "skipped"
        elif found.status == "claimed":
            raise Refused(
                "Instalment %(number)s is in a collection already; it can be refunded once it is collected.",
                number=wanted,
            )
        else:
            raise Refused(
                "Instalment %(number)s cannot be skipped: it is %(status)s.", number=wanted, status=found.status
            )
        audit.record(session, by, "skip", self, now=now, number=wanted)
        session.flush()
        return found

    def ask_again(self, session: Session, number: int, *, by: Actor, now: datetime) -> Instalment:
        """Collect a returned or missed instalment after all, in the next run: a person's decision, never automatic."""
        self._lock(session)
        self._must_not_have_ended()
        found = next((i for i in self.instalments if i.number == number), None)
        if found is None or found.status not in ("returned", "missed"):
            raise Refused("Only a returned or missed instalment can be collected again.", field="number")
        found.status, found.asked_again_on, found.not_before_on = "due", now.date(), None
        audit.record(session, by, "ask_again", self, now=now, number=number)
        session.flush()
        return found

    def stop(self, session: Session, reason: str, *, on: date, by: Actor, now: datetime) -> None:
        """End it from ``on``. What no run has taken yet is let go; what is at the bank can be refunded."""
        self._lock(session)
        self._must_not_have_ended()
        if reason not in END_REASONS:
            raise BadInput(
                "“%(reason)s” is not a reason to stop; there are: %(known)s.",
                field="reason",
                reason=reason[:40],
                known=", ".join(END_REASONS),
            )
        self.ended_on, self.end_reason, self.ended_by = max(on, self.started_on), reason, by.key
        session.execute(
            update(Instalment)
            .where(
                Instalment.commitment_id == self.id,
                Instalment.status == "due",
                (Instalment.due_on >= on) | (on <= now.date()),
            )
            .values(status="waived")
        )
        session.flush()
        session.expire(self, ["instalments"])
        audit.record(session, by, "stop", self, now=now, reason=reason, on=on.isoformat())
        hooks.fire("commitments_ended", session, commitment_ids=[self.id], by=by, now=now)

    def _lock(self, session: Session) -> None:
        """One change at a time: two people at one commitment follow each other."""
        session.flush()
        turns.together(session)
        session.scalar(select(Commitment.id).where(Commitment.id == self.id).with_for_update(key_share=True))
        session.refresh(self)
        session.expire(self, ["terms", "pauses", "instalments"])

    def _must_not_have_ended(self) -> None:
        if self.ended_on is not None:
            raise Refused(
                "This commitment ended on %(on)s; restart it with a mandate instead.", on=self.ended_on.isoformat()
            )
