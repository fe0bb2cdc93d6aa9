"""Stored files with hash and kind, kept in the database in parts: they share the transaction, and any size streams."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, UniqueConstraint, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from supporters.actor import Actor
from supporters.db import Base, actor_key, instant, line, pk, word

PART = 1 << 20  # bytes a part


class Document(Base):
    __tablename__ = "supporters_document"

    id: Mapped[pk]
    kind: Mapped[word]  # "collection_file", "mandate", "count_sheet", …
    filename: Mapped[line]
    media_type: Mapped[line]
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    stored_at: Mapped[instant]
    stored_by: Mapped[actor_key]
    supporter_id: Mapped[int | None] = mapped_column(
        BigInteger, index=True, info={"on_merge": "move", "on_erase": "delete"}
    )

    @classmethod
    def store(
        cls,
        session: Session,
        chunks: Iterable[bytes],
        *,
        kind: str,
        filename: str,
        media_type: str,
        by: Actor,
        now: datetime,
        supporter_id: int | None = None,
    ) -> Document:
        """Store the bytes of ``chunks`` (any sizes) in constant memory."""
        document = cls(
            kind=kind,
            filename=filename,
            media_type=media_type,
            size=0,
            sha256="",
            stored_at=now,
            stored_by=by.key,
            supporter_id=supporter_id,
        )
        session.add(document)
        session.flush()
        digest, size = hashlib.sha256(), 0
        for number, part in enumerate(_parts(chunks)):
            digest.update(part)
            size += len(part)
            session.execute(
                insert(DocumentPart).values(document_id=document.id, number=number, content=zlib.compress(part, 1))
            )
        document.size, document.sha256 = size, digest.hexdigest()
        return document

    def chunks(self, session: Session) -> Iterator[bytes]:
        """The content, part by part; raises ValueError where it no longer has the hash it was stored with."""
        digest, number = hashlib.sha256(), 0
        query = select(DocumentPart.content).where(DocumentPart.document_id == self.id)
        while (content := session.scalar(query.where(DocumentPart.number == number))) is not None:
            try:
                part = zlib.decompress(content)
            except zlib.error:
                break  # What was yielded so far has another hash.
            digest.update(part)
            yield part
            number += 1
        if digest.hexdigest() != self.sha256:
            raise ValueError(f"document {self.id} is damaged: its content no longer has the hash it was stored with")

    def content(self, session: Session) -> bytes:
        return b"".join(self.chunks(session))


class DocumentPart(Base):
    __tablename__ = "supporters_document_part"
    __table_args__ = (UniqueConstraint("document_id", "number"),)

    id: Mapped[pk]
    document_id: Mapped[int] = mapped_column(ForeignKey("supporters_document.id"))
    number: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary)  # zlib


def digest_of(stream: IO[bytes]) -> str:
    """The sha256 of all that is in it; it stands at its beginning afterwards."""
    stream.seek(0)
    digest = hashlib.sha256()
    while chunk := stream.read(PART):
        digest.update(chunk)
    stream.seek(0)
    return digest.hexdigest()


def _parts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= PART:
            yield bytes(buffer[:PART])
            del buffer[:PART]
    if buffer:
        yield bytes(buffer)
