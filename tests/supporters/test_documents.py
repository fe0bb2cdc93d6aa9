import hashlib
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from supporters import documents
from supporters.documents import Document, DocumentPart
from tests import cast


def stored(session: Session, *chunks: bytes) -> Document:
    document = Document.store(
        session, iter(chunks), kind="test", filename="a.xml", media_type="text/xml", by=cast.ANNA, now=cast.NOW
    )
    session.commit()
    return document


@pytest.mark.parametrize("chunks", [(), (b"",), (b"a",), (b"ab", b"", b"c"), (b"x" * 100,) * 7])
def test_content_comes_back_as_it_went_in(
    session: Session, monkeypatch: pytest.MonkeyPatch, chunks: tuple[bytes]
) -> None:
    monkeypatch.setattr(documents, "PART", 64)
    document, whole = stored(session, *chunks), b"".join(chunks)
    assert document.content(session) == whole
    assert (document.size, document.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
    parts = session.scalar(
        select(func.count()).select_from(DocumentPart).where(DocumentPart.document_id == document.id)
    )
    assert parts == -(-len(whole) // 64)


def test_a_large_document_is_stored_and_read_in_constant_memory(session: Session) -> None:
    block = bytes(range(256)) * 4096  # one mebibyte

    def much() -> Iterator[bytes]:
        for _ in range(24):
            yield block

    tracemalloc.start()
    document = Document.store(
        session, much(), kind="test", filename="a", media_type="text/plain", by=cast.ANNA, now=cast.NOW
    )
    session.commit()
    size = sum(len(chunk) for chunk in document.chunks(session))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size == document.size == 24 << 20
    assert peak < 10 << 20


@pytest.mark.parametrize(
    "damage",
    [zlib.compress(b"someone else's bytes", 1), b"not even compressed", zlib.compress(b"first part", 1)[:-6]],
    ids=["other", "rubbish", "cut off"],
)
def test_content_that_changed_underneath_is_noticed(session: Session, damage: bytes) -> None:
    document = stored(session, b"first part")
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("ALTER TABLE supporters_document_part DISABLE TRIGGER USER"))
    else:
        name = session.scalar(
            text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'supporters_document_part'")
        )
        session.execute(text(f"DROP TRIGGER {name}"))
    session.execute(text("UPDATE supporters_document_part SET content = :bytes"), {"bytes": damage})
    with pytest.raises(ValueError, match="is damaged"):
        document.content(session)


def test_a_part_that_is_missing_is_noticed(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "PART", 4)
    document = stored(session, b"first part")
    session.execute(text("DELETE FROM supporters_document_part WHERE number = 1"))
    with pytest.raises(ValueError, match="is damaged"):
        document.content(session)


def test_the_database_lets_nobody_write_over_a_part(session: Session) -> None:
    stored(session, b"first part")
    with pytest.raises(IntegrityError, match="never changes"):
        session.execute(text("UPDATE supporters_document_part SET number = 5"))


def test_reading_takes_a_part_at_a_time(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "PART", 4)
    document = stored(session, b"twelve bytes")
    session.refresh(document)
    asked = 0

    def count(*_: object) -> None:
        nonlocal asked
        asked += 1

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", count)
    parts = document.chunks(session)
    assert next(parts) == b"twel"
    assert asked == 1
    event.remove(connection, "before_cursor_execute", count)
