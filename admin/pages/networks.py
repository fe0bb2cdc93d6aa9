"""Networks we know: those that many people share, and those that only bring robots."""

from __future__ import annotations

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from wtforms import RadioField

from admin import clock
from admin.access import Denied, current_actor, may, needs
from admin.blueprint import NAME, bp
from admin.data import session
from admin.i18n import gettext as _
from admin.i18n import lazy
from admin.kit.forms import Form, required, saving, shown, text
from admin.labels import choices
from campaigns.petitions.network import NetworkRule


class NetworkForm(Form):
    network = text(
        lazy("Network"), required(), length=60,
        description=lazy("As 192.0.2.0/24 or 2001:db8::/32; one address is a network too."),
    )  # fmt: skip
    label = text(lazy("Whose it is"), required(), description=lazy("Such as “the school in Zwolle”."))
    kind = RadioField(lazy("What to do with it"), choices=choices("network_kind"), default="allow")


@bp.route("/networks", methods=["GET", "POST"])
@needs("petitions.see")
def networks() -> ResponseReturnValue:
    form = NetworkForm()
    if form.is_submitted() and not may("petitions.remove"):
        raise Denied("petitions.remove")
    if form.validate_on_submit():
        with saving(form) as saved:
            rule = NetworkRule.add(
                saved, form.network.data, form.kind.data, form.label.data, by=current_actor(), now=clock.now()
            )
            name = rule.network
        if not form.refusal:
            flash(_("From now on this holds for %(network)s.", network=name), "success")
            return redirect(url_for(f"{NAME}.networks"))
    rules = session().scalars(select(NetworkRule).order_by(NetworkRule.kind, NetworkRule.label)).all()
    return shown("networks.html", form=form, rules=rules)


@bp.post("/networks/<int:rule_id>/remove")
@needs("petitions.remove")
def network_remove(rule_id: int) -> ResponseReturnValue:
    rule: NetworkRule = NetworkRule.get(session(), rule_id)
    name = rule.network
    with saving() as saved:
        rule.remove(saved, by=current_actor(), now=clock.now())
    flash(_("%(network)s is a network like any other again.", network=name), "success")
    return redirect(url_for(f"{NAME}.networks"))
