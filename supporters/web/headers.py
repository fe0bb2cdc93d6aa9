"""What every page of ours tells a browser about keeping it, framing it and passing it on."""

from __future__ import annotations

from flask import Response

#: Our own script and style, pictures of the site, and forms that lead to a bank or back to the site.
PAGE = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' https: data:; "
    "form-action 'self' https: http:; frame-ancestors 'none'; base-uri 'none'"
)


def keep_private(answer: Response, policy: str = PAGE, *, is_findable: bool = False) -> Response:
    """Nothing keeps the page or frames it, and no link passes its address on, which is the key to it.

    A page for everybody (``is_findable``) may stand in a search engine, and its links say from which site they come.
    """
    answer.headers["Content-Security-Policy"] = policy
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cache-Control"] = "no-store"
    if is_findable:
        answer.headers["Referrer-Policy"] = "strict-origin-when-cross-origin"
    else:
        answer.headers["Referrer-Policy"] = "no-referrer"
        answer.headers["X-Robots-Tag"] = "noindex"
    return answer
