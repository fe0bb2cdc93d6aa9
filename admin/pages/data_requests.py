"""Somebody asks what we hold about them in petitions, or that we erase it.

The address travels in the body of a request only: an address in a link would stay in logs and histories.
"""

from __future__ import annotations

import json

from flask import Response, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField

from admin import clock
from admin.access import current_actor, needs
from admin.blueprint import NAME, bp
from admin.i18n import gettext as _
from admin.i18n import lazy, number
from admin.kit.forms import Form, required, saving, shown, text
from campaigns.petitions import requests


class AddressForm(Form):
    email = text(
        lazy("E-mail address"), required(), length=254, render_kw={"autocomplete": "off", "inputmode": "email"},
        description=lazy("The address they signed with. Be sure that it is theirs: answer to this address only."),
    )  # fmt: skip


class SureForm(Form):
    email = HiddenField(validators=[required()])


@bp.route("/data-requests", methods=["GET", "POST"])
@needs("petitions.private", fresh=True)
def data_requests() -> ResponseReturnValue:
    form = AddressForm()
    held = None
    if form.validate_on_submit():
        with saving(form) as saved:
            held = requests.find(saved, form.email.data, by=current_actor(), now=clock.now())
    return shown("data_requests.html", form=form, held=held)


@bp.post("/data-requests/file")
@needs("petitions.private", fresh=True)
def data_request_file() -> ResponseReturnValue:
    """Everything, for the person to read elsewhere."""
    form = SureForm()
    if not form.validate_on_submit():
        return redirect(url_for(f"{NAME}.data_requests"))
    with saving() as saved:
        held = requests.find(saved, form.email.data, by=current_actor(), now=clock.now())
        content = json.dumps(held.as_json(), ensure_ascii=False, indent=2)
    name = f"data-request-{clock.today().isoformat()}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, mimetype="application/json", headers=headers)


@bp.post("/data-requests/sure")
@needs("petitions.private", fresh=True)
def data_request_sure() -> ResponseReturnValue:
    """Exactly what goes, before it goes."""
    form = SureForm()
    if not form.validate_on_submit():
        return redirect(url_for(f"{NAME}.data_requests"))
    with saving() as saved:
        held = requests.find(saved, form.email.data, by=current_actor(), now=clock.now())
    return shown("data_request_sure.html", form=form, held=held)


@bp.post("/data-requests/erase")
@needs("petitions.private", fresh=True)
def data_request_erase() -> ResponseReturnValue:
    form = SureForm()
    if not form.validate_on_submit():
        return redirect(url_for(f"{NAME}.data_requests"))
    with saving() as saved:
        done = requests.erase(saved, form.email.data, by=current_actor(), now=clock.now())
    flash(
        _(
            "Erased. Signatures that no longer name anybody: %(people)s; of these no longer counted: %(withdrawn)s.",
            people=number(done.get("signature", 0)), withdrawn=number(done.get("withdrawn", 0)),
        ),
        "success",
    )  # fmt: skip
    return redirect(url_for(f"{NAME}.data_requests"))
