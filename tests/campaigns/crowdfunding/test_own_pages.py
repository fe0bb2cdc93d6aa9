"""Everyone's own page: nothing is there before the button in the mail, and nothing shown before somebody looked."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.orm import Session

import campaigns.crowdfunding.thanks as _registered  # noqa: F401
from campaigns import Edition, FundraisingPage, Team
from campaigns.credit import Credit
from campaigns.crowdfunding import page_links, page_request
from campaigns.crowdfunding.page_request import PageRequest
from campaigns.crowdfunding.picture import SIDE, PagePicture
from supporters import Money, Supporter, hooks
from supporters.errors import BadInput, Mistakes, NotAllowed, NotFound, Refused
from supporters.mail.letter import Dropped, Letter, preview, render
from supporters.mail.message import OutboxMessage
from supporters.payments.online import thanks
from supporters.payments.online.checkout import Checkout
from supporters.payments.online.thanks import Words
from supporters.people.contact import ContactPoint
from supporters.settings import Settings
from tests import cast
from tests.campaigns.crowdfunding import world

SETTINGS = Settings.read({"SUPPORTERS_PUBLIC_URL": "https://charity.example"})
ADA = {"name": "Ada van den Berg", "email": "ada@example.org", "title": "Ada loopt zestien kilometer!"}


def asked(session: Session, edition: Edition, **fields: Any) -> PageRequest:
    return PageRequest.ask(session, edition, **ADA | {"now": cast.NOW} | fields)


def letters(session: Session) -> list[Letter | Dropped]:
    queued = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id))
    return [render(session, each, settings=SETTINGS, now=cast.NOW) for each in queued]


def token_in(letter: Letter | Dropped) -> str:
    assert isinstance(letter, Letter), letter
    return letter.text.split("/crowdfunding/own/")[1].split()[0]


def photo(kind: str = "JPEG", size: tuple[int, int] = (2400, 1600), mode: str = "RGB", **more: Any) -> BytesIO:
    file = BytesIO()
    Image.new(mode, size, "teal" if mode != "LA" else 0).save(file, kind, **more)
    file.seek(0)
    return file


def sent(session: Session, page: FundraisingPage, file: BytesIO | None = None) -> PagePicture:
    return PagePicture.send(session, page, file or photo(), by=cast.ANNA, now=cast.NOW)


def count(session: Session, model: type[Any]) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


# -- starting ----------------------------------------------------------------------------------------------------


def test_the_button_makes_supporter_and_page_once(session: Session) -> None:
    edition = world.edition(session)
    team = Team.form(session, edition, "utrecht", "Utrecht", by=cast.ANNA, now=cast.NOW)
    asked(session, edition, team="utrecht")
    assert (count(session, FundraisingPage), count(session, Supporter)) == (0, 0)
    [letter] = letters(session)
    found = page_links.opened(session, token_in(letter), now=cast.NOW)
    assert isinstance(found, PageRequest) and found.starter(session) == page_request.Starter(ADA["name"], ADA["title"])
    assert b"Ada" not in bytes(found.sealed or b"") and b"ada@" not in bytes(found.sealed_address or b"")

    page = found.make(session, now=cast.NOW)
    assert found.make(session, now=cast.NOW) is page
    assert (page.slug, page.state, page.team, page.edition) == ("ada-loopt-zestien-kilometer", "waiting", team, edition)
    assert (page.owner.first_name, page.owner.prefix, page.owner.surname) == ("Ada", "van den", "Berg")
    assert (page.owner.email, found.sealed, found.address_key) == ("ada@example.org", None, None)
    assert page_links.opened(session, token_in(letter), now=cast.NOW + timedelta(days=100)) is page
    assert isinstance(letters(session)[0], Dropped)

    asked(session, edition)  # the same person, who is known now, and the same title
    again = page_links.opened(session, token_in(letters(session)[-1]), now=cast.NOW)
    assert isinstance(again, PageRequest)
    other = again.make(session, now=cast.NOW)
    assert (other.owner, other.slug) == (page.owner, "ada-loopt-zestien-kilometer-2")


def test_asked_again_what_was_said_last_holds_and_one_mail_goes(session: Session) -> None:
    edition = world.edition(session)
    first = asked(session, edition)
    assert asked(session, edition, title="Ada fietst") is first
    assert (count(session, PageRequest), count(session, OutboxMessage)) == (1, 1)
    starter = first.starter(session)
    assert starter is not None and starter.title == "Ada fietst"
    asked(session, edition, now=cast.NOW + timedelta(minutes=11))
    assert count(session, OutboxMessage) == 2


def test_a_link_is_good_for_a_week_and_then_all_of_it_is_deleted(session: Session) -> None:
    edition = world.edition(session)
    request = asked(session, edition)
    token, late = request.token(session), cast.NOW + timedelta(days=7, seconds=1)
    assert page_request.forget(session, now=cast.NOW + timedelta(days=6)) == 0
    with pytest.raises(NotFound, match="too old"):
        page_links.opened(session, token, now=late)
    assert page_request.forget(session, now=late) == 1
    session.expire_all()
    with pytest.raises(NotFound, match="no longer here"):
        page_links.opened(session, token, now=late)
    other = asked(session, edition, email="eve@example.org")  # perhaps in the place of the one that was deleted
    with pytest.raises(NotFound):
        page_links.opened(session, token, now=cast.NOW)
    other.drop(session)
    assert count(session, PageRequest) == 0
    for wrong in ("", "x" * 300, token[:-2], other.token(session)):
        with pytest.raises(NotFound):
            page_links.opened(session, wrong, now=cast.NOW)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "https://spam.example"}, "name"),
        ({"email": ""}, "email"),
        ({"email": "ada"}, "email"),
        ({"title": "\u200b "}, "title"),
        ({"title": "x" * 101}, "title"),
        ({"title": "Win at www.spam.example"}, "title"),
        ({"team": "nobody"}, "team"),
        ({"team": "\x00"}, "team"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(session: Session, fields: dict[str, str], field: str) -> None:
    edition = world.edition(session)
    with pytest.raises(Mistakes) as wrong:
        asked(session, edition, **fields)
    assert [each.field for each in wrong.value.errors] == [field]
    assert (count(session, PageRequest), count(session, OutboxMessage)) == (0, 0)


def test_an_edition_that_is_over_takes_none_and_some_addresses_are_kept(session: Session) -> None:
    edition = world.edition(session)
    owner = world.donor(session, 1)
    for slug in ("teams", "start", "own"):
        with pytest.raises(BadInput, match="kept for something else"):
            world.page(session, edition, owner, slug)
    with pytest.raises(BadInput):
        world.page(session, edition, owner, "share.png")
    with pytest.raises(BadInput, match="kept for something else"):
        Edition.draft(
            session, edition.campaign, "own", "Own", starts_on=world.FIRST, ends_on=world.LAST, fund=edition.fund,
            surplus="More.", by=cast.ANNA, now=cast.NOW,
        )  # fmt: skip
    assert page_request.free_address(session, edition, "Start") == "start-2"
    assert page_request.free_address(session, edition, "¡¿?!") == "actie"
    request = asked(session, edition)
    edition.move(session, "end", by=cast.ANNA, now=cast.NOW)
    with pytest.raises(Refused, match="takes no pages"):
        asked(session, edition, email="eve@example.org")
    with pytest.raises(Refused, match="takes no pages"):
        request.make(session, now=cast.NOW)
    assert count(session, FundraisingPage) == 0


def test_the_link_is_mailed_again_to_who_has_a_page_and_to_nobody_else(session: Session) -> None:
    edition = world.edition(session)
    owner = world.donor(session, 1)
    page = world.page(session, edition, owner)
    page_links.ask(session, "stranger@example.org", now=cast.NOW)
    assert count(session, OutboxMessage) == 0
    for _ in range(3):
        page_links.ask(session, "D1@example.org", now=cast.NOW)
    page_links.ask(session, "d1@example.org", now=cast.NOW)
    [letter] = letters(session)
    assert page_links.opened(session, token_in(letter), now=cast.NOW + timedelta(days=179)) is page
    with pytest.raises(NotFound, match="too old"):
        page_links.opened(session, token_in(letter), now=cast.NOW + timedelta(days=181))


# -- the page ----------------------------------------------------------------------------------------------------


def test_who_looks_is_told_of_a_change_and_the_owner_of_what_was_decided(session: Session) -> None:
    page = world.page(session, world.edition(session), world.donor(session, 1))
    by = page_owner(page)
    page.write(session, story="I run\r\nfar\x00.", by=by, now=cast.NOW)
    assert (page.story, page.changed_at) == ("I run\nfar.", None)  # nobody looked at it yet
    page.check(session, "live", by=cast.BRAM, now=cast.NOW)
    page.write(session, target=Money.eur("750"), by=by, now=cast.NOW)
    assert (page.state, page.changed_at) == ("live", cast.NOW)
    page.check(session, "live", by=cast.BRAM, now=cast.NOW)  # seen: no mail
    assert page.changed_at is None
    with pytest.raises(Refused):
        page.check(session, "live", by=cast.BRAM, now=cast.NOW)
    page.write(session, title="Other", by=cast.ANNA, now=cast.NOW)  # one of ours
    assert page.changed_at is None
    live, *more = letters(session)
    assert isinstance(live, Letter) and more == []
    assert "https://charity.example/crowdfunding/families-2026/ada-runs" in live.text
    page.check(session, "hidden", by=cast.BRAM, now=cast.NOW)
    dropped, hidden = letters(session)
    assert isinstance(dropped, Dropped) and isinstance(hidden, Letter)
    for wrong in ({"title": " "}, {"title": "x" * 101}, {"target": Money.eur("0")}, {"story": "x" * 20_001}):
        with pytest.raises(BadInput) as said:
            page.write(session, **wrong, by=by, now=cast.NOW)
        assert said.value.field == next(iter(wrong))
        session.expire(page)


def page_owner(page: FundraisingPage) -> Any:
    from campaigns.crowdfunding.page import owner_of

    return owner_of(page.owner)


def test_who_gave_through_a_live_page_reads_its_owners_thanks(session: Session) -> None:
    edition = world.edition(session)
    page = world.page(session, edition, world.donor(session, 1), thanks="Dank!\n<b>Ada</b>")
    gift = world.gift(session, world.donor(session, 2), "20.00", source_code=None)
    Credit.give(session, gift, edition, page=page, by=cast.ANNA, now=cast.NOW)
    other = world.gift(session, world.donor(session, 3), "20.00", source_code=None)
    through = {
        each: thanks.of_checkout(session, Checkout(edition=f"families-2026{each}")) for each in ("", "/ada-runs")
    }
    assert through == {"": None, "/ada-runs": None}  # nobody looked at the page yet

    def mail(number: int) -> Letter:
        found = preview(session, "gift_receipt", settings=SETTINGS, now=cast.NOW, subject_id=number)
        assert isinstance(found, Letter)
        return found

    assert "Dank!" not in mail(gift.id).text
    page.check(session, "live", by=cast.BRAM, now=cast.NOW)
    session.flush()
    assert "Ada runs:\n> Dank!\n> <b>Ada</b>\n" in mail(gift.id).text
    assert "&lt;b&gt;Ada" in mail(gift.id).html
    assert "Dank!" not in mail(other.id).text and "Dank!" not in mail(other.id).html
    found = thanks.of_checkout(session, Checkout(edition="families-2026/ada-runs"))
    assert found == Words("Ada runs", "Dank!\n<b>Ada</b>")


# -- its picture -------------------------------------------------------------------------------------------------


def test_a_new_picture_waits_while_the_old_one_stays(session: Session) -> None:
    page = world.page(session, world.edition(session), world.donor(session, 1))
    first = sent(session, page)
    assert (first.width, first.height, set(PagePicture.of(session, page))) == (SIDE, 800, {"waiting"})
    with pytest.raises(NotAllowed):
        first.decide(session, show=True, by=page_owner(page), now=cast.NOW)
    first.decide(session, show=True, by=cast.BRAM, now=cast.NOW)
    seen = sent(session, page).sha256
    second = sent(session, page, photo("PNG", (40, 30)))
    assert session.scalars(select(PagePicture.id).order_by(PagePicture.id)).all() == [first.id, second.id]
    with pytest.raises(Refused, match="already"):
        first.decide(session, show=False, by=cast.BRAM, now=cast.NOW)
    with pytest.raises(Refused, match="Another picture came"):
        second.decide(session, show=True, seen=seen, by=cast.BRAM, now=cast.NOW)
    second.decide(session, show=False, by=cast.BRAM, now=cast.NOW)
    assert {state: bool(each.content) for state, each in PagePicture.of(session, page).items()} == {
        "shown": True, "refused": False,
    }  # fmt: skip
    third = sent(session, page)
    third.decide(session, show=True, by=cast.BRAM, now=cast.NOW)
    assert [each.id for each in PagePicture.of(session, page).values()] == [third.id]
    PagePicture.take_away(session, page, by=page_owner(page), now=cast.NOW)
    assert count(session, PagePicture) == 0


def test_a_picture_is_drawn_anew_without_what_the_camera_wrote(session: Session) -> None:
    page = world.page(session, world.edition(session), world.donor(session, 1))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "at home"  # on its side
    exif.get_ifd(0x8825)[2] = (52.0, 5.0, 12.3)
    found = sent(session, page, photo("JPEG", (400, 300), exif=exif, comment=b"at home"))
    assert (found.width, found.height) == (300, 400)
    drawn = Image.open(BytesIO(found.content))
    assert (drawn.format, drawn.size, dict(drawn.getexif()), "comment" in drawn.info) == ("JPEG", (300, 400), {}, False)
    assert b"at home" not in found.content
    for kind, mode in (("PNG", "RGBA"), ("PNG", "LA"), ("PNG", "P"), ("PNG", "1"), ("WEBP", "RGBA"), ("JPEG", "CMYK")):
        kept = Image.open(BytesIO(sent(session, page, photo(kind, (30, 20), mode)).content))
        assert (kept.mode, kept.size) == ("RGB", (30, 20)), (kind, mode)


def _truncated() -> BytesIO:
    return BytesIO(photo().getvalue()[:2_000])


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (lambda: BytesIO(SVG), "not a picture that we can show"),
        (lambda: BytesIO(b""), "not a picture that we can show"),
        (lambda: BytesIO(b"GIF89a" + bytes(40)), "not a picture that we can show"),
        (lambda: photo("GIF", (3, 3)), "not a picture that we can show"),
        (_truncated, "damaged or not complete"),
        (lambda: BytesIO(photo("PNG", (300, 300)).getvalue()[:-300]), "damaged|not a picture"),
        (lambda: photo("PNG", (8_000, 7_000), "1"), "at most 50 million points"),
        (lambda: photo("PNG", (15_000, 15_000), "1"), "at most 50 million points"),
    ],
    ids=["svg", "empty", "half a gif", "gif", "truncated", "truncated png", "large", "bomb"],
)
def test_what_is_no_picture_is_refused_and_nothing_kept(session: Session, file: Any, said: str) -> None:
    page = world.page(session, world.edition(session), world.donor(session, 1))
    with pytest.raises(BadInput, match=said) as wrong:
        sent(session, page, file())
    assert (wrong.value.field, count(session, PagePicture)) == ("picture", 0)


def test_erasing_somebody_takes_the_picture_and_what_they_asked_along(session: Session) -> None:
    edition = world.edition(session)
    page = asked(session, edition).make(session, now=cast.NOW)
    asked(session, edition, title="One more")
    asked(session, edition, email="eve@example.org")
    sent(session, page).decide(session, show=True, by=cast.BRAM, now=cast.NOW)
    sent(session, page)
    token = asked(session, edition).token(session)
    hooks.fire("supporter_erased", session, supporter_id=page.owner_id, by=cast.ANNA, now=cast.NOW)
    session.flush()
    session.expire_all()
    assert (count(session, PagePicture), count(session, PageRequest), page.state) == (0, 1, "hidden")
    with pytest.raises(NotFound):
        page_links.opened(session, token, now=cast.NOW)
    assert count(session, ContactPoint) == 1
