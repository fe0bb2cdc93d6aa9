"""The public face of giving, where the settings name a gateway: webhooks, API, pages, ``achterban_donate``."""

from __future__ import annotations

from flask import Flask

from supporters.web import giving_api, giving_pages, openapi, webhooks
from supporters.web.desk import Desk
from supporters.web.donating import Donating

#: They keep no cookie, so there is no session that another site could ride on: a site's CSRF protection exempts them.
BLUEPRINTS = (webhooks.bp, giving_api.bp, giving_pages.bp)


def init_app(app: Flask) -> None:
    app.extensions["supporters_desk"] = Desk(app)
    app.add_template_global(Donating.find, "achterban_donate")
    if giving_pages.NAME not in app.blueprints:
        app.register_blueprint(webhooks.bp)
        app.register_blueprint(giving_pages.bp)
        openapi.add(app, giving_api.bp)
