"""How the mails about a petition look, before anybody gets one: in both languages, as text and as a page."""

from __future__ import annotations

from flask import current_app, make_response, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from admin import clock
from admin.access import needs
from admin.blueprint import bp
from admin.data import session
from admin.pages.petition_desk import found, page
from campaigns.petitions.petition import Petition
from campaigns.petitions.update import PetitionUpdate
from campaigns.petitions.wording import LOCALES
from supporters.errors import NotFound
from supporters.mail.letter import Dropped, Letter, preview

MAILS = (
    "petition_confirm", "petition_reminder", "petition_thanks", "petition_known", "petition_update", "petition_story",
)  # fmt: skip
#: A letter brings its own looks and nothing else: no script, no picture from elsewhere, and only our own page around.
LETTER_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)


def _letter(petition: Petition, template: str, language: str) -> Letter | None:
    """As it would be sent; None where there is nothing to show yet, such as an update that nobody wrote."""
    params: dict[str, int] = {"petition": petition.id}
    if template == "petition_update":
        newest = select(PetitionUpdate.id).where(PetitionUpdate.petition_id == petition.id)
        update_id = session().scalar(newest.order_by(PetitionUpdate.id.desc()).limit(1))
        if update_id is None:
            return None
        params["update"] = update_id
    settings = current_app.extensions["supporters"].settings
    letter = preview(session(), template, settings=settings, now=clock.now(), locale=language, **params)
    return None if isinstance(letter, Dropped) else letter


def _known(template: str, language: str) -> None:
    if template not in MAILS or language not in LOCALES:
        raise NotFound("There is no mail template “%(name)s”.", name=template[:40])


@bp.get("/petitions/<slug>/mails")
@needs("petitions.see")
def petition_preview(slug: str) -> ResponseReturnValue:
    petition = found(slug)
    template, language = request.args.get("mail", MAILS[0]), request.args.get("language", petition.locale)
    _known(template, language)
    return page(
        "petition_preview.html", petition, letter=_letter(petition, template, language), mails=MAILS, chosen=template,
        language=language, locales=LOCALES,
    )  # fmt: skip


@bp.get("/petitions/<slug>/mails/<template>/<language>.html")
@needs("petitions.see")
def petition_preview_letter(slug: str, template: str, language: str) -> ResponseReturnValue:
    """The letter itself, for a frame that can do nothing."""
    _known(template, language)
    letter = _letter(found(slug), template, language)
    if letter is None or not letter.html:
        raise NotFound("There is no mail template “%(name)s”.", name=template[:40])
    answer = make_response(letter.html)
    answer.headers["Content-Security-Policy"] = LETTER_CSP
    answer.headers["X-Frame-Options"] = "SAMEORIGIN"
    return answer
