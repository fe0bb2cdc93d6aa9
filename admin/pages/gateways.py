"""How the payment gateways do: whether they answer, and whether their news comes."""

from __future__ import annotations

from flask import current_app, render_template
from flask.typing import ResponseReturnValue

from admin import clock
from admin.access import needs
from admin.blueprint import bp
from admin.data import session
from supporters.payments.online.health import Health, health


def healths() -> list[Health]:
    accounts = current_app.extensions["supporters"].accounts
    return health(session(), {name: gateway.account.is_live for name, gateway in accounts.items()}, now=clock.now())


@bp.get("/gateways")
@needs("money.see")
def gateways() -> ResponseReturnValue:
    ways = ("webhook", "poll", "return", "button", "answer")
    return render_template("achterban/gateways.html", healths=healths(), ways=ways)
