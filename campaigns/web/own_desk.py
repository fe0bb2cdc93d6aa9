"""The desk of somebody's own page, behind a mailed link: whoever has the link is its owner.

Opening it decides nothing; each button posts one thing, and leads back to the desk.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from campaigns.crowdfunding import page_links
from campaigns.crowdfunding.counter import Counter
from campaigns.crowdfunding.page import LONGEST_STORY, LONGEST_TITLE, FundraisingPage, owner_of
from campaigns.crowdfunding.page_request import PageRequest
from campaigns.crowdfunding.picture import LARGEST, PagePicture
from campaigns.petitions.markdown import to_html
from campaigns.web.own_pages import NAME, bp, pages, reader_of, said_of
from campaigns.web.view import desk
from supporters.errors import AchterbanError, BadInput, NotFound, Refused
from supporters.mail.templating import charity_name
from supporters.money import Money
from supporters.web import sent

#: Bytes of the words of a page at most, as a form sends them; a form with a picture has some around it.
_MOST_WORDS, _AROUND = 480 * 1024, 64 * 1024
#: Of what is too large so much is read and thrown away, so that a browser gets to read the answer.
_READ_AWAY = 128 * 1024 * 1024


@bp.get("/crowdfunding/own/<token>")
def own(token: str) -> ResponseReturnValue:
    """What waits for its button, or the page with all that its owner can change."""
    found = _opened(token)
    return _ready(token, found) if isinstance(found, PageRequest) else _desk_page(token, found)


@bp.post("/crowdfunding/own/<token>/make")
def make(token: str) -> ResponseReturnValue:
    """The address is theirs: the page is there, and waits until somebody of ours looked at it."""
    at, found = desk(), _opened(token)
    if isinstance(found, PageRequest):
        found.make(at.supporters.session, now=at.now())
        at.supporters.session.commit()
    return _back(token, "make")


@bp.post("/crowdfunding/own/<token>/drop")
def drop(token: str) -> ResponseReturnValue:
    """It was not them: what was filled in goes."""
    at, found = desk(), _opened(token)
    if not isinstance(found, PageRequest):
        raise Refused("The page is there already. Ask us if it has to go.")
    reader = reader_of(found.locale)
    found.drop(at.supporters.session)
    at.supporters.session.commit()
    return pages.shown("message.html", reader, title=reader.say("It is thrown away"),
                        message=reader.say("Nothing of it is kept, and no page was made."))  # fmt: skip


@bp.post("/crowdfunding/own/<token>")
def write(token: str) -> ResponseReturnValue:
    """Title, story, thanks and target."""
    at, page = desk(), _page(token)
    request.max_content_length = request.max_form_memory_size = _MOST_WORDS
    try:
        typed = {name: request.form.get(name, "") for name in ("title", "story", "thanks", "target")}
    except RequestEntityTooLarge:
        _read_away()
        raise sent.TooLarge("This form is too large: at most %(most)s kilobytes are read.", most=480) from None
    try:
        given = {**typed, "target": _target(typed["target"], page.edition.currency)}
        before = {"title": page.title, "story": page.story, "thanks": page.thanks, "target": _aim(page)}
        if changed := {name: value for name, value in given.items() if _plain(value) != before[name]}:
            page.write(at.supporters.session, **changed, by=owner_of(page.owner), now=at.now())
            at.supporters.session.commit()
    except BadInput as error:
        at.supporters.session.rollback()
        return _desk_page(token, _page(token), typed, error), 422
    return _back(token, "write")


@bp.post("/crowdfunding/own/<token>/picture")
def send_picture(token: str) -> ResponseReturnValue:
    """Another picture; what is larger than we take is not kept, nor read into memory."""
    at, page = desk(), _page(token)
    request.max_content_length = LARGEST + _AROUND
    try:
        try:
            file = request.files.get("picture")
        except RequestEntityTooLarge:
            _read_away()
            raise sent.TooLarge(
                "This picture is larger than %(most)s megabytes; choose a smaller one.", field="picture", most=10
            ) from None
        if file is None or not file.filename:
            raise BadInput("Choose a picture first.", field="picture")
        PagePicture.send(at.supporters.session, page, file.stream, by=owner_of(page.owner), now=at.now())
        at.supporters.session.commit()
    except (BadInput, sent.TooLarge) as error:
        at.supporters.session.rollback()
        return _desk_page(token, _page(token), error=error), 413 if isinstance(error, sent.TooLarge) else 422
    return _back(token, "picture")


@bp.post("/crowdfunding/own/<token>/picture/away")
def take_picture_away(token: str) -> ResponseReturnValue:
    at, page = desk(), _page(token)
    PagePicture.take_away(at.supporters.session, page, by=owner_of(page.owner), now=at.now())
    at.supporters.session.commit()
    return _back(token, "away")


@bp.get("/crowdfunding/own/<token>/picture/<any(waiting, shown):state>")
def own_picture(token: str, state: str) -> ResponseReturnValue:
    """The owner's own look at it, before anybody else has one."""
    found = PagePicture.of(desk().supporters.session, _page(token)).get(state)
    if found is None:
        raise NotFound("There is no such picture.", field="picture")
    return Response(found.content, mimetype="image/jpeg")


def _opened(token: str) -> PageRequest | FundraisingPage:
    at = desk()
    return page_links.opened(at.supporters.session, token, now=at.now())


def _page(token: str) -> FundraisingPage:
    found = _opened(token)
    if isinstance(found, PageRequest):
        raise Refused("The page is not there yet: press the button first.")
    return found


def _back(token: str, done: str) -> ResponseReturnValue:
    return redirect(url_for(f"{NAME}.own", token=token, done=done, lang=request.args.get("lang")), 303)


def _ready(token: str, asked: PageRequest) -> str:
    starter = asked.starter(desk().supporters.session)
    return pages.shown(
        "ready.html", reader_of(asked.locale), asked=asked, edition=asked.edition, starter=starter, token=token
    )


def _desk_page(
    token: str, page: FundraisingPage, typed: dict[str, str] | None = None, error: AchterbanError | None = None
) -> str:  # fmt: skip
    at, reader = desk(), reader_of(page.owner.language)
    session, target = at.supporters.session, _aim(page)
    counter = Counter.read(session, page.edition, of=page)
    digits = f"{target.decimal:f}" if target else ""
    written = {
        "title": page.title, "story": page.story, "thanks": page.thanks,
        "target": digits.replace(".", ",") if reader.locale == "nl" else digits,
    }  # fmt: skip
    return pages.shown(
        "desk.html", reader, page=page, edition=page.edition, token=token, values=typed or written,
        errors=said_of(error, reader) if error is not None else {}, done=request.args.get("done", ""),
        counter=counter, target=target, story_html=to_html(page.story), pictures=PagePicture.of(session, page),
        address=page_links.public_link(page, at.supporters.settings), charity=charity_name(at.supporters.settings),
        most={"title": LONGEST_TITLE, "story": LONGEST_STORY},
    )  # fmt: skip


def _aim(page: FundraisingPage) -> Money | None:
    return Money(page.target, page.edition.currency) if page.target else None


def _plain(value: Any) -> Any:
    """As it is kept: a browser sends lines that end in two characters."""
    return value.replace("\r\n", "\n").strip() if isinstance(value, str) else value


def _target(text: str, currency: str) -> Money | None:
    if not text.strip():
        return None
    try:
        return Money.parse(text, currency)
    except BadInput as error:
        raise BadInput(error.template, field="target", **error.params) from None


def _read_away() -> None:
    stream, left = request.environ.get("wsgi.input", BytesIO()), min(request.content_length or 0, _READ_AWAY)
    while left > 0 and (chunk := stream.read(min(65_536, left))):
        left -= len(chunk)


for view_function in (own, make, drop, write, send_picture, take_picture_away, own_picture):
    view_function.__dict__["public"] = True
