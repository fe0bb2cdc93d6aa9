"""A file on its way in: kept with the meaning of its columns until it is imported, then only remembered."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Any

from sqlalchemy import JSON, ForeignKey, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from supporters.actor import Actor
from supporters.db import Base, actor_key, instant, line, pk, word
from supporters.documents import Document, DocumentPart, digest_of
from supporters.errors import Refused
from supporters.lifecycle.importing import Import, Table, suggest

#: More than this stays on disk while it is read.
IN_MEMORY = 4 * 1024 * 1024


class Upload(Base):
    __tablename__ = "admin_upload"

    id: Mapped[pk]
    kind: Mapped[word]  # supporters, commitments, gifts; bank: a file that waits for somebody to accept it
    filename: Mapped[line]
    document_id: Mapped[int] = mapped_column(ForeignKey("supporters_document.id"))
    #: Column → field, or "" for one that is left out; empty until somebody said it.
    columns: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    settings: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    result: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    uploaded_at: Mapped[instant]
    uploaded_by: Mapped[actor_key]
    imported_at: Mapped[instant | None]
    removed_at: Mapped[instant | None]  # when the content of the file was thrown away

    document: Mapped[Document] = relationship()

    @classmethod
    def receive(
        cls, session: Session, kind: str, filename: str, stream: IO[bytes], *, by: Actor, now: datetime
    ) -> Upload:
        """Keep the file, if it can be read at all; raises BadFile. What was said of such columns before is proposed."""
        table = Table(stream, name=filename)
        stream.seek(0)
        document = Document.store(
            session,
            iter(lambda: stream.read(1 << 20), b""),
            kind="import",
            filename=filename[:255],
            media_type="text/csv",
            by=by,
            now=now,
        )
        upload = cls(
            kind=kind,
            filename=filename[:255],
            document=document,
            columns={},
            settings={},
            result={},
            uploaded_at=now,
            uploaded_by=by.key,
        )
        session.add(upload)
        session.flush()
        upload.result = {"proposed": upload._propose(session, table.columns)}
        return upload

    @classmethod
    def keep(
        cls, session: Session, kind: str, filename: str, stream: IO[bytes], *, why: dict[str, Any], by: Actor,
        now: datetime,
    ) -> Upload:  # fmt: skip
        """A file that waits for a decision, with why it does; one that waits already is kept once."""
        digest = digest_of(stream)
        there = session.scalar(
            select(cls)
            .join(Document, Document.id == cls.document_id)
            .where(cls.kind == kind, cls.removed_at.is_(None), Document.sha256 == digest)
            .limit(1)
        )
        if there is not None:
            return there
        document = Document.store(
            session, iter(lambda: stream.read(1 << 20), b""), kind="kept_aside", filename=filename[:255],
            media_type="application/octet-stream", by=by, now=now,
        )  # fmt: skip
        upload = cls(
            kind=kind, filename=filename[:255], document=document, columns={}, settings={}, result=why,
            uploaded_at=now, uploaded_by=by.key,
        )  # fmt: skip
        session.add(upload)
        session.flush()
        return upload

    def _propose(self, session: Session, columns: list[str]) -> dict[str, str]:
        """What each column means: as the last file of this kind had it, else as its name says."""
        before = session.scalar(
            select(Upload)
            .where(Upload.kind == self.kind, Upload.imported_at.is_not(None), Upload.id != self.id)
            .order_by(Upload.id.desc())
            .limit(1)
        )
        remembered = before.columns if before else {}
        named = suggest(self.kind, columns)
        return {column: remembered.get(column, named.get(column) or "") for column in columns if column}

    @contextmanager
    def opened(self, session: Session) -> Iterator[IO[bytes]]:
        """The content, as a file that can be read again and again."""
        if self.removed_at is not None:
            raise Refused("The content of this file was removed; upload it again.")
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
            for chunk in self.document.chunks(session):
                file.write(chunk)
            file.seek(0)
            yield file

    def as_import(self, source: IO[bytes]) -> Import:
        mapping = {column: field for column, field in self.columns.items() if field}
        ignore = [column for column, field in self.columns.items() if not field]
        return Import.open(
            self.kind, source, mapping=mapping, ignore=ignore, settings=self.settings, name=self.filename
        )

    def remove(self, session: Session, *, now: datetime) -> None:
        """Throw the content away: it is full of people, and has done its work."""
        if self.removed_at is None:
            session.execute(delete(DocumentPart).where(DocumentPart.document_id == self.document_id))
            self.removed_at = now
