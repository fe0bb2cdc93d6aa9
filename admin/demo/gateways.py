"""The demo's payment gateways: simulated vendors on this machine, so that anybody can give and a fundraiser can refund
without an account. No money moves, and every page of theirs says so.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from admin.demo.plan import NOW

SECRET = "whsec_simulated_by_the_demo"  # noqa: S105
#: By the vendor: the key that its gateway takes. They open nothing but the simulation.
KEYS = {"mollie": "test_simulatedByTheDemo0123456789ab", "stripe": "sk_test_simulated_by_the_demo"}
#: The name in it is also what stands on the vendors' pages and on a bank statement.
MAIL_FROM = "achterban demo <demo@demo.example>"
SDKS = {"mollie": "mollie", "stripe": "stripe"}


def accounts(port: int) -> list[dict[str, Any]]:
    """The setting SUPPORTERS_GATEWAYS for vendors that are simulated at this port, of those whose library is there."""
    paths = {"mollie": "/mollie", "stripe": "/stripe"}
    # Each takes what the other has not, so that both can be tried.
    methods = {"mollie": ["ideal", "bancontact"], "stripe": ["card", "sepa_debit"]}
    return [
        {
            "name": name, "gateway": name, "key": KEYS[name], "webhook_secrets": [SECRET], "methods": methods[name],
            "base_url": f"http://127.0.0.1:{port}{paths[name]}",
        }
        for name, module in SDKS.items()
        if find_spec(module) is not None
    ]  # fmt: skip


def settings(port: int, *, site: str) -> dict[str, Any]:
    """What the demo and its example site are configured with, so that ``site`` can take gifts."""
    return {
        "SUPPORTERS_GATEWAYS": accounts(port),
        "SUPPORTERS_MAIL_FROM": MAIL_FROM,
        "SUPPORTERS_GIVING_ORIGINS": [site],
        "SUPPORTERS_GIVING_RETURN_URLS": [f"{site}/*"],
        "SUPPORTERS_GIVING_FUNDS": ["general", "noodfonds"],
        "SUPPORTERS_COVER_COSTS": {"ideal": 32, "bancontact": 39, "card": 50, "sepa_debit": 35},
    }


def as_variable(port: int) -> str:
    """What a command in another terminal takes as FLASK_SUPPORTERS_GATEWAYS."""
    return json.dumps(accounts(port), separators=(",", ":"))


def forget(folder: Path) -> None:
    """A demo that is built anew begins with vendors that know nothing."""
    for name in KEYS:
        (folder / f"simulated-{name}.json").unlink(missing_ok=True)


def serve(folder: Path, *, site: str, port: int, now: Callable[[], datetime] = lambda: NOW) -> str | None:
    """Serve the vendors in a thread, with what they knew before; the address of their dashboards, or None."""
    from werkzeug.serving import make_server

    names = [account["name"] for account in accounts(port)]
    if not names:
        return None
    home = f"http://127.0.0.1:{port}"
    mounted: dict[str, Any] = {}
    if "mollie" in names:
        from admin.demo.vendors import mollie

        state = mollie.State(folder / "simulated-mollie.json", now=now, public_url=f"{home}/mollie")
        mounted["/mollie"] = mollie.create_app(state)
    if "stripe" in names:
        from admin.demo.vendors import stripe

        mounted["/stripe"] = stripe.create_app(
            stripe.StripeState(
                folder / "simulated-stripe.json", clock=lambda: now().timestamp(),
                webhook_url=f"{site}/webhooks/stripe", webhook_secret=SECRET, public_url=f"{home}/stripe",
            )
        )  # fmt: skip
    try:
        server = make_server("127.0.0.1", port, DispatcherMiddleware(NotFound(), mounted), threaded=True)
    except (OSError, SystemExit):  # somebody else listens there
        return None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return " and ".join(f"{home}{path}/" for path in mounted)
