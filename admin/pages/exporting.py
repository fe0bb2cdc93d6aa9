"""Every list goes out the same way: with a purpose, and with a line in the audit log."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response, abort, current_app, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from flask_babel import force_locale
from sqlalchemy.orm import Session

from admin import clock
from admin.access import current_actor, may, needs
from admin.blueprint import NAME, bp
from admin.i18n import gettext as _
from admin.i18n import lazy, locale
from admin.kit.forms import Form, required, saving, shown, text
from admin.kit.lists import listings
from supporters import audit


class ExportForm(Form):
    purpose = text(
        lazy("What is it for?"),
        required(lazy("Say in a few words what the file is for.")),
        length=200,
        description=lazy("For example: thank-you letters of December. It is kept in the audit log."),
    )


@bp.route("/export/<what>", methods=["GET", "POST"])
@needs("lists.export")
def export(what: str) -> ResponseReturnValue:
    """The list as it is filtered, as a CSV file."""
    listing = listings.get(what)
    if listing is None or not may(listing.permission):
        abort(404)
    args = request.args.to_dict()
    session = current_app.extensions["sqlalchemy"].session
    form = ExportForm()
    if form.validate_on_submit():
        with saving(form) as saved:
            audit.record(
                saved,
                current_actor(),
                "export",
                what,
                now=clock.now(),
                purpose=form.purpose.data,
                filters=listing.given(args),
            )
        if not form.errors:
            name = f"{what}-{clock.today().isoformat()}.csv"
            headers = {"Content-Disposition": f'attachment; filename="{name}"'}

            language, engine = locale(), session.get_bind()

            @stream_with_context
            def lines() -> Iterator[str]:
                # The request's own session is gone by the time most of this is sent.
                with force_locale(language), Session(engine) as own:
                    yield from listing.csv(own, args)

            return Response(lines(), mimetype="text/csv", headers=headers)
    count, total = listing.measure(session, listing.filtered(args))
    return shown(
        "export.html",
        form=form,
        listing=listing,
        count=count,
        total=total,
        back=url_for(f"{NAME}.{what}", **listing.given(args)),
        title=_("Export"),
        button=_("Download"),
    )
