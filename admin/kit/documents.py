"""What kind of document somebody sent; and a kept one on its way to who may look at it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from flask import Response
from sqlalchemy.orm import Session

from admin.data import session
from supporters.documents import Document
from supporters.errors import BadInput

#: How a file begins, and what it then is. The name it came with says nothing.
KINDS = (
    (b"%PDF-", "application/pdf", "pdf"),
    (b"\xff\xd8\xff", "image/jpeg", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
)


def kind_of(stream: IO[bytes], field: str) -> tuple[str, str]:
    """Its media type and how its name ends; raises BadInput where it is none of them."""
    start = stream.read(16)
    stream.seek(0)
    for begins, media_type, ending in KINDS:
        if start.startswith(begins):
            return media_type, ending
    raise BadInput("This is neither a PDF nor a JPEG or PNG picture.", field=field)


def download(key: int) -> Response:
    """In pieces, in a session of its own that lasts as long as the download."""
    document: Document = Document.get(session(), key)
    headers = {
        "Content-Disposition": f'attachment; filename="{document.filename}"',
        "Content-Length": str(document.size),
    }
    engine = session().get_bind()

    def content() -> Iterator[bytes]:
        with Session(engine) as own:
            kept: Document = Document.get(own, key)
            yield from kept.chunks(own)

    return Response(content(), mimetype=document.media_type, headers=headers)
