"""How the mails about online payments look, before anybody gets one: in both languages, as text and as a page."""

from __future__ import annotations

from flask import current_app, make_response, render_template, request
from flask.typing import ResponseReturnValue

from admin import clock, i18n
from admin.access import needs
from admin.blueprint import bp
from admin.data import session
from admin.pages.petition_preview import LETTER_CSP
from supporters.errors import NotFound
from supporters.mail.letter import Letter, preview

MAILS = (
    "gift_receipt", "charge_notice", "charge_retry", "charge_needs_you", "charge_given_up", "gift_refunded",
    "own_page_link", "account_changed", "debit_retry", "debit_new_account",
)  # fmt: skip


def _letter(template: str, language: str) -> Letter:
    if template not in MAILS or language not in i18n.LANGUAGES:
        raise NotFound("There is no mail template “%(name)s”.", name=template[:40])
    settings = current_app.extensions["supporters"].settings
    letter = preview(session(), template, settings=settings, now=clock.now(), locale=language)
    assert isinstance(letter, Letter)  # Without a subject each is shown with an example.
    return letter


@bp.get("/online-payments/mails")
@needs("money.see")
def payment_mails() -> ResponseReturnValue:
    template, language = request.args.get("mail", MAILS[0]), request.args.get("language", i18n.locale().language)
    return render_template(
        "achterban/payment_mails.html",
        letter=_letter(template, language),
        mails=MAILS,
        chosen=template,
        language=language,
        locales=list(i18n.LANGUAGES),
    )


@bp.get("/online-payments/mails/<template>/<language>.html")
@needs("money.see")
def payment_mail_letter(template: str, language: str) -> ResponseReturnValue:
    """The letter itself, for a frame that can do nothing."""
    answer = make_response(_letter(template, language).html)
    answer.headers["Content-Security-Policy"] = LETTER_CSP
    answer.headers["X-Frame-Options"] = "SAMEORIGIN"
    return answer
