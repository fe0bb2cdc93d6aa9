"""What happens to crowdfunding by itself."""

from __future__ import annotations

from datetime import timedelta

from campaigns.crowdfunding import page_request
from supporters.registry import Work, job


@job("forget_page_requests", every=timedelta(hours=1))
def forget_page_requests(work: Work) -> str | None:
    """Delete what somebody filled in for a page and never pressed the button of."""
    with work.session() as session:
        forgotten = page_request.forget(session, now=work.now())
        session.commit()
    return f"{forgotten} forgotten" if forgotten else None
