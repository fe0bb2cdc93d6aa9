"""Overview: what waits for somebody, and how the year goes."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from admin.access import needs
from admin.blueprint import bp


@bp.get("/")
@needs("overview.see")
def overview() -> ResponseReturnValue:
    return render_template("achterban/overview.html")
