"""What the screens about an edition share: finding it and its parts, the way back, a button, a page that asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from admin.blueprint import NAME
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import say
from admin.kit.confirm import Confirmation
from admin.kit.forms import Form, saving
from admin.pages.editions import to_edition
from campaigns.edition import Edition
from supporters.errors import AchterbanError, NotFound


class SureForm(Form):
    """Only the token: the page is the question."""


def found(slug: str) -> Edition:
    return Edition.by_slug(session(), slug)


def part_of(edition: Edition, model: type[Any], key: int) -> Any:
    row = model.get(session(), key)
    if row.edition_id != edition.id:
        raise NotFound("%(title)s has no such part.", title=edition.title)
    return row


def crumbs(edition: Edition, *more: tuple[str, str]) -> list[tuple[str, str]]:
    return [(_("Crowdfunding"), url_for(f"{NAME}.editions")), (edition.title, to_edition(edition)), *more]


def back_to(edition: Edition, anchor: str) -> str:
    """The section of the edition's page that somebody came from."""
    return url_for(f"{NAME}.edition_page", slug=edition.slug, _anchor=anchor)


def do(edition: Edition, act: Callable[[Session], None], said: str, anchor: str | None = None) -> ResponseReturnValue:
    """One verb from a button; what it refuses stands above the page of the edition."""
    slug = edition.slug
    try:
        with saving() as saved:
            act(saved)
    except AchterbanError as error:
        flash(say(error), "error")
    else:
        flash(said, "success")
    return redirect(url_for(f"{NAME}.edition_page", slug=slug, _anchor=anchor))


def sure(
    edition: Edition, act: Callable[[Session], None], said: str, *, back: str | None = None, **asked: Any
) -> ResponseReturnValue:
    """One verb behind a page that asks; what it refuses stands on that page."""
    form, here = SureForm(), back or to_edition(edition)
    if form.validate_on_submit():
        with saving(form, {"state": "", "offline": ""}) as saved:
            act(saved)
        if not form.refusal:
            flash(said, "success")
            return redirect(here)
    return Confirmation(back=here, crumbs=crumbs(edition), **asked).show(form)
