"""How the gateways do: whether they answer, whether their news comes, and when that should worry somebody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Float, and_, case, cast, func, select
from sqlalchemy.orm import Session

from supporters.actor import Actor
from supporters.payments.online.call import GatewayCall
from supporters.payments.online.fact import PaymentFact
from supporters.payments.online.inbox import Notification
from supporters.tasks import Task

DAY, WEEK, MONTH = timedelta(days=1), timedelta(days=7), timedelta(days=30)
#: So long facts came by our own looking only, and not one piece of news: then the news does not reach us.
SILENT_AFTER = timedelta(hours=24)
#: News that waits so long is looked at by nobody: the job does not run.
WAITING_TOO_LONG = timedelta(hours=1)
#: Of the last hour's calls, from so many on, this share came to nothing.
FAILING_FROM, FAILING_SHARE = 3, 0.5
ALARMS = ("silent", "failing", "waiting")


@dataclass(frozen=True, slots=True)
class Learnt:
    """How many facts were first learnt in which way. What a gateway answered at once is no matter of news."""

    by: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(count for how, count in self.by.items() if how != "answer")

    def share(self, how: str) -> float | None:
        """In percents; None where nothing was learnt."""
        return 100 * self.by.get(how, 0) / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class Health:
    account: str
    is_live: bool
    last_call_at: datetime | None
    calls: int  # of the last day, and so are the next two
    errors: int
    p95: int | None  # milliseconds
    last_news_at: datetime | None  # that was the vendor's, in the last 30 days
    waiting: int
    waiting_since: datetime | None
    bad: int  # of the last week
    ignored: int
    week: Learnt
    month: Learnt
    alarms: tuple[str, ...] = field(default=())

    @property
    def error_share(self) -> float | None:
        return 100 * self.errors / self.calls if self.calls else None


def health(session: Session, accounts: Mapping[str, bool], *, now: datetime) -> list[Health]:
    """Of each account in the settings (by name: whether it is live); a handful of statements for all of them."""
    names = list(accounts)
    if not names:
        return []
    calls, slow, last, news, facts = (
        _by_account(session, query)
        for query in (_calls(names, now), _p95(names, now), _last(names), _news(names, now), _facts(names, now))
    )
    found = []
    for name, is_live in accounts.items():
        count, errors, recent, recent_errors = next(iter(calls.get(name, [])), (0, 0, 0, 0))
        posts, since, waiting, bad, ignored = next(iter(news.get(name, [])), (None, None, 0, 0, 0))
        learnt = facts.get(name, [])
        polled = sum(of_late for how, _, _, of_late in learnt if how == "poll")
        alarms = {
            "silent": polled > 0 and (posts is None or posts <= now - SILENT_AFTER),
            "failing": recent >= FAILING_FROM and recent_errors >= FAILING_SHARE * recent,
            "waiting": since is not None and since <= now - WAITING_TOO_LONG,
        }
        found.append(
            Health(
                name, is_live, next(iter(last.get(name, [])), (None,))[0], count, errors,
                next(iter(slow.get(name, [])), (None,))[0], posts, waiting, since, bad, ignored,
                Learnt({how: week for how, week, _, _ in learnt}), Learnt({how: month for how, _, month, _ in learnt}),
                tuple(alarm for alarm in ALARMS if is_live and alarms[alarm]),
            )
        )  # fmt: skip
    return found


def _by_account(session: Session, query: Any) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    for name, *rest in session.execute(query):
        found.setdefault(name, []).append(tuple(rest))
    return found


#: A charge that a bank refused was answered well; everything else that is not is an error.
_ERROR = and_(GatewayCall.is_ok.is_(False), GatewayCall.outcome.not_like("declined:%"))


def _count(condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _calls(names: list[str], now: datetime) -> Any:
    hour = GatewayCall.at > now - timedelta(hours=1)
    return (
        select(GatewayCall.account, func.count(), _count(_ERROR), _count(hour), _count(and_(hour, _ERROR)))
        .where(GatewayCall.account.in_(names), GatewayCall.at > now - DAY)
        .group_by(GatewayCall.account)
    )


def _p95(names: list[str], now: datetime) -> Any:
    """The shortest time within which 95 of 100 calls ended."""
    ranked = (
        select(
            GatewayCall.account,
            GatewayCall.milliseconds,
            func.row_number().over(partition_by=GatewayCall.account, order_by=GatewayCall.milliseconds).label("place"),
            func.count().over(partition_by=GatewayCall.account).label("all"),
        )
        .where(GatewayCall.account.in_(names), GatewayCall.at > now - DAY)
        .subquery()
    )
    enough = ranked.c.place >= cast(ranked.c.all, Float) * 0.95
    return select(ranked.c.account, func.min(ranked.c.milliseconds)).where(enough).group_by(ranked.c.account)


def _last(names: list[str]) -> Any:
    return (
        select(GatewayCall.account, func.max(GatewayCall.at))
        .where(GatewayCall.account.in_(names))
        .group_by(GatewayCall.account)
    )


def _news(names: list[str], now: datetime) -> Any:
    waiting = Notification.state.in_(("waiting", "taken"))
    week = Notification.received_at > now - WEEK
    return (
        select(
            Notification.account,
            func.max(case((Notification.state != "bad", Notification.received_at))),
            func.min(case((waiting, Notification.received_at))),
            _count(waiting),
            func.coalesce(func.sum(case((and_(Notification.state == "bad", week), Notification.times))), 0),
            _count(and_(Notification.state == "ignored", week)),
        )
        .where(Notification.account.in_(names), Notification.received_at > now - MONTH)
        .group_by(Notification.account)
    )


def _facts(names: list[str], now: datetime) -> Any:
    return (
        select(
            PaymentFact.account,
            PaymentFact.learnt_by,
            _count(PaymentFact.observed_at > now - WEEK),
            func.count(),
            _count(PaymentFact.observed_at > now - SILENT_AFTER),
        )
        .where(PaymentFact.account.in_(names), PaymentFact.observed_at > now - MONTH)
        .group_by(PaymentFact.account, PaymentFact.learnt_by)
    )


# -- telling somebody -------------------------------------------------------------------------------------------------


#: What the task of an alarm is called. Where news is silent, one that booking raised may be open already.
_KINDS = {"silent": "news_missing", "failing": "gateway_failing", "waiting": "gateway_waiting"}


def raise_alarms(session: Session, accounts: Mapping[str, bool], *, now: datetime) -> int:
    """A task for each alarm of which none is open; how many were raised."""
    raised = 0
    for each in health(session, accounts, now=now):
        for alarm in each.alarms:
            if not is_told(session, _KINDS[alarm], each.account):
                _raise(session, each, alarm, now)
                raised += 1
    return raised


def is_told(session: Session, kind: str, account: str) -> bool:
    """Whether a task of this kind is open for the account."""
    known = select(Task.id).where(
        Task.kind == kind, Task.done_at.is_(None), Task.key.startswith(f"{kind}:{account}:", autoescape=True)
    )
    return session.scalar(known.limit(1)) is not None


def miss_news(session: Session, account: str, reference: str, *, by: Actor, on: date, now: datetime) -> None:
    """We looked at a payment and found what the gateway should have told; one task, and none again on that day."""
    if not is_told(session, "news_missing", account):
        Task.raise_(
            session, "news_missing",
            "%(account)s did not tell us of payment %(reference)s; we found it by looking. See whether its"
            " notifications reach us.",
            by=by, now=now, key=f"news_missing:{account}:{on}", account=account, reference=reference,
        )  # fmt: skip


def _raise(session: Session, of: Health, alarm: str, now: datetime) -> None:
    shared: dict[str, Any] = {
        "by": Actor.job("watch_gateways"), "now": now, "account": of.account,
        "key": f"{_KINDS[alarm]}:{of.account}:{now.isoformat(timespec='minutes')}",
    }  # fmt: skip
    if alarm == "silent":
        Task.raise_(
            session, "news_missing",
            "No news of %(account)s came for a day, though payments were made: look whether the webhook is set up"
            " there.", **shared,
        )  # fmt: skip
    elif alarm == "failing":
        Task.raise_(
            session, "gateway_failing",
            "Half of what we ask of %(account)s, or more, comes to nothing: see the page of the gateways.", **shared,
        )  # fmt: skip
    else:
        Task.raise_(
            session, "gateway_waiting",
            "News of %(account)s waits for more than an hour: the job that looks at it does not run.", **shared,
        )  # fmt: skip
