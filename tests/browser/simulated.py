"""The application with a simulated Mollie and a real mail server beside it, at a moment that a test chooses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask

from admin.demo.vendors.mollie import State, create_app
from tests.browser.conftest import serving
from tests.databases import SqliteDatabases
from tests.supporters.mail.post import FROM, Post, free_port
from tests.supporters.payments.mollie_double import KEY
from tests.supporters.payments.mollie_double import serving as serving_vendor


@dataclass
class World:
    app: Flask
    post: Post
    vendor: str

    def work(self, at: str) -> None:
        """``achterban work --once`` at this moment, at which the site's and the vendor's clocks then stand."""
        settings = replace(self.app.extensions["supporters_settings"], now=datetime.fromisoformat(at))
        self.app.extensions["supporters_settings"] = settings
        self.command("work", "--once")

    def command(self, *words: str) -> str:
        ran = self.app.test_cli_runner().invoke(args=list(words))
        assert ran.exit_code == 0, ran.output
        return ran.output

    def link(self, below: str = "/my/") -> str:
        """The last link to such a page in the newest mail, as it came out of a real mail server."""
        body = self.post.arrived[-1][2].get_body(("plain",))
        assert body is not None
        return re.findall(rf"http://\S+{below}\S+", body.get_content())[-1]


@contextmanager
def simulated(sqlite_databases: SqliteDatabases, folder: Path, **settings: Any) -> Iterator[World]:
    port, post, clock = free_port(), Post(free_port()), {}
    state = State(now=lambda: clock["app"].extensions["supporters_settings"].now)
    with serving_vendor(create_app(state)) as vendor, post.open():
        account = {
            "name": "mollie", "gateway": "mollie", "key": KEY, "methods": ["ideal"], "base_url": vendor,
        }  # fmt: skip
        with serving(
            sqlite_databases, folder, port=port, SUPPORTERS_GATEWAYS=[account], SUPPORTERS_MAIL_FROM=FROM,
            SUPPORTERS_PUBLIC_URL=f"http://127.0.0.1:{port}", SUPPORTERS_MAIL_SERVER=f"smtp://127.0.0.1:{post.port}",
            **settings,
        ) as app:  # fmt: skip
            clock["app"] = app
            yield World(app, post, vendor)
