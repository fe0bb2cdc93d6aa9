"""``Campaigns(app, db)``: the campaigns on the site's own database, beside ``Supporters(app, db)``."""

from __future__ import annotations

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

import campaigns.cli as commands
import campaigns.migrations as revisions
from campaigns import credit
from campaigns.crowdfunding import checks as crowdfunding_checks
from campaigns.crowdfunding import jobs as crowdfunding_jobs
from campaigns.crowdfunding import page_links, picture, thanks, update, wall
from campaigns.petitions import checks, jobs, mails, waiting
from campaigns.web import api, crowdfunding, editions, givers, own_desk, own_pages, own_pages_api, pages
from campaigns.web.embed import Embedded
from campaigns.web.embed_edition import EmbeddedEdition
from campaigns.web.view import Desk
from supporters.web import openapi

#: What registers itself by being imported: the commands, the revisions of the tables, mails, jobs, checks and hooks.
REGISTERED = (
    commands, revisions, mails, jobs, checks, waiting, credit, crowdfunding_checks, crowdfunding_jobs, page_links,
    picture, thanks, wall, update, own_desk,
)  # fmt: skip


class Campaigns:
    def __init__(self, app: Flask | None = None, db: SQLAlchemy | None = None) -> None:
        if app is not None:
            self.init_app(app, db)

    def init_app(self, app: Flask, db: SQLAlchemy | None = None) -> None:
        """Add the commands and the public views. Call ``Supporters(app, db)`` first: they share the database."""
        if "supporters" not in app.extensions:
            raise RuntimeError("call Supporters(app, db) before Campaigns(app, db)")
        app.extensions["campaigns"] = self
        app.extensions["campaigns_desk"] = Desk(app)
        app.add_template_global(self.petition, "achterban_petition")
        app.add_template_global(self.crowdfunding, "achterban_crowdfunding")
        for group in commands.groups:
            app.cli.add_command(group)
        if pages.NAME not in app.blueprints:
            app.register_blueprint(pages.bp)
            app.register_blueprint(crowdfunding.bp)
            app.register_blueprint(givers.bp)
            openapi.add(app, api.bp)
            openapi.add(app, editions.bp)
            app.register_blueprint(own_pages.bp)
            openapi.add(app, own_pages_api.bp)

    def petition(self, slug: str, locale: str | None = None) -> Embedded:
        """An open or closed petition to show on a page of the site; in a template it is ``achterban_petition``."""
        return Embedded.find(slug, locale)

    def crowdfunding(
        self, slug: str, locale: str | None = None, *, page: str = "", team: str = ""
    ) -> EmbeddedEdition:  # fmt: skip
        """An edition, or a page or team in it, to show on a page of the site; in a template it is
        ``achterban_crowdfunding``.
        """
        return EmbeddedEdition.find(slug, locale, page=page, team=team)
