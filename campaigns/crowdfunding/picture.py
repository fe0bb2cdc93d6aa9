"""The picture of somebody's own page: what they sent, drawn anew, and shown once somebody of ours looked at it."""

from __future__ import annotations

import hashlib
import threading
from datetime import datetime
from io import BytesIO
from typing import IO

from PIL import Image, ImageOps, UnidentifiedImageError
from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from campaigns.crowdfunding.page import FundraisingPage
from campaigns.edition import SLUG, Edition
from supporters import audit, hooks
from supporters.actor import Actor
from supporters.db import Base, actor_key, instant, pk, word
from supporters.errors import BadInput, Refused

#: waiting: for somebody of ours · shown: everybody sees it · refused: its owner is told, and what it showed is gone.
STATES = ("waiting", "shown", "refused")
#: Bytes of a file that is sent, and points that it may have once it is unpacked.
LARGEST, MOST_POINTS = 10 * 1024 * 1024, 50_000_000
#: Points of the longest side of what is kept.
SIDE = 1200
_KINDS = ("JPEG", "PNG", "WEBP")
#: One at a time in a process: unpacked, a picture takes some two hundred megabytes.
_ONE = threading.Lock()


class PagePicture(Base):
    """At most one of a page is shown and one waits: a new one waits while the old one stays."""

    __tablename__ = "campaigns_page_picture"
    __table_args__ = (
        UniqueConstraint("page_id", "state"),
        CheckConstraint(f"state IN ({', '.join(repr(each) for each in STATES)})", name="state"),
        CheckConstraint("(state = 'waiting') = (decided_by IS NULL)", name="decided"),
    )

    id: Mapped[pk]
    page_id: Mapped[int] = mapped_column(ForeignKey("campaigns_fundraising_page.id"))
    state: Mapped[word] = mapped_column(default="waiting")
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)  # JPEG; nothing once it is refused
    width: Mapped[int]
    height: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    sent_at: Mapped[instant]
    decided_at: Mapped[instant | None]
    decided_by: Mapped[actor_key | None]

    page: Mapped[FundraisingPage] = relationship()

    @classmethod
    def send(cls, session: Session, page: FundraisingPage, file: IO[bytes], *, by: Actor, now: datetime) -> PagePicture:
        """Draw it anew, without what the camera wrote in it, in the place of one that waits. Raises BadInput."""
        content, width, height = drawn(file)
        FundraisingPage.get(session, page.id, lock=True)
        session.execute(delete(cls).where(cls.page_id == page.id, cls.state != "shown"))
        picture = cls(
            page=page, content=content, width=width, height=height, sha256=hashlib.sha256(content).hexdigest(),
            sent_at=now, state="waiting",
        )  # fmt: skip
        session.add(picture)
        session.flush()
        audit.record(session, by, "send", picture, now=now, supporter=page.owner_id, page=page.slug)
        return picture

    @classmethod
    def of(cls, session: Session, page: FundraisingPage) -> dict[str, PagePicture]:
        """By state."""
        return {each.state: each for each in session.scalars(select(cls).where(cls.page_id == page.id))}

    @classmethod
    def public(cls, session: Session, edition: Edition, slug: str) -> PagePicture | None:
        """What everybody may see of the page at this address."""
        if not SLUG.fullmatch(slug):
            return None
        return session.scalar(
            select(cls)
            .join(FundraisingPage, FundraisingPage.id == cls.page_id)
            .where(
                FundraisingPage.edition_id == edition.id, FundraisingPage.slug == slug, FundraisingPage.state == "live",
                cls.state == "shown",
            )
        )  # fmt: skip

    @classmethod
    def take_away(cls, session: Session, page: FundraisingPage, *, by: Actor, now: datetime) -> None:
        """Both the one that is shown and the one that waits."""
        if cls.of(session, page):
            session.execute(delete(cls).where(cls.page_id == page.id))
            audit.record(session, by, "take_away", "page_picture", now=now, supporter=page.owner_id, page=page.slug)

    def decide(self, session: Session, *, show: bool, by: Actor, now: datetime, seen: str | None = None) -> None:
        """Somebody of ours looked at it: everybody may see it in the place of the old one, or nobody.

        ``seen`` is the hash of what they looked at.
        """
        by.must_be_signed_in()
        FundraisingPage.get(session, self.page_id, lock=True)
        session.refresh(self)
        if self.state != "waiting":
            raise Refused("This picture was looked at already.")
        if seen not in (None, self.sha256):
            raise Refused("Another picture came in since: look at that one.")
        state = "shown" if show else "refused"
        session.execute(delete(PagePicture).where(PagePicture.page_id == self.page_id, PagePicture.state == state))
        self.state, self.decided_at, self.decided_by = state, now, by.key
        if not show:
            self.content = b""
        session.flush()
        verb = "show" if show else "refuse"
        audit.record(session, by, verb, self, now=now, supporter=self.page.owner_id, page=self.page.slug)


def drawn(file: IO[bytes]) -> tuple[bytes, int, int]:
    """A JPEG of at most SIDE points, with its width and height, of a JPEG, PNG or WebP; raises BadInput."""
    try:
        with _ONE, Image.open(file, formats=_KINDS) as found:
            if found.width * found.height > MOST_POINTS:
                raise _too_many_points()
            found.draft("RGB", (2 * SIDE, 2 * SIDE))
            found.load()
            found.thumbnail((2 * SIDE, 2 * SIDE), Image.Resampling.BOX)  # small first: what follows copies it
            whole = _on_white(ImageOps.exif_transpose(found))
            whole.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
            made = BytesIO()
            Image.frombytes("RGB", whole.size, whole.tobytes()).save(made, "JPEG", quality=85, optimize=True)
            return made.getvalue(), whole.width, whole.height
    except BadInput:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_points() from None
    except UnidentifiedImageError:
        raise BadInput(
            "This is not a picture that we can show; send a JPEG, PNG or WebP file.", field="picture"
        ) from None
    except Exception:  # whatever a reader raises over a file that somebody broke
        raise BadInput("This picture is damaged or not complete; send it again, or another.", field="picture") from None


def _too_many_points() -> BadInput:
    return BadInput("This picture is too large: at most %(most)s million points.", field="picture", most=50)


def _on_white(picture: Image.Image) -> Image.Image:
    """In colours that every browser shows, and white where it lets through."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        clear = picture.convert("RGBA")
        white = Image.new("RGBA", clear.size, "white")
        return Image.alpha_composite(white, clear).convert("RGB")
    return picture.convert("RGB")


@hooks.on("supporter_erased")
def _forget(session: Session, *, supporter_id: int, by: Actor, now: datetime) -> None:
    theirs = select(FundraisingPage.id).where(FundraisingPage.owner_id == supporter_id)
    session.execute(
        delete(PagePicture).where(PagePicture.page_id.in_(theirs)), execution_options={"synchronize_session": False}
    )
