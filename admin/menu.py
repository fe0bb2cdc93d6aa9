"""The left menu: what exists, in the groups fundraisers think in, and only what this role may see."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import current_app, request, url_for

from admin import access
from admin.blueprint import NAME
from admin.i18n import lazy


@dataclass(frozen=True)
class Entry:
    label: str
    endpoint: str
    permission: str
    #: Endpoints that begin with one of these light up this entry too.
    family: tuple[str, ...] = ()

    @property
    def href(self) -> str:
        return url_for(f"{NAME}.{self.endpoint}")

    @property
    def is_current(self) -> bool:
        here = (request.endpoint or "").removeprefix(f"{NAME}.")
        return here == self.endpoint or here.startswith(self.family or (self.endpoint + "_",))


@dataclass(frozen=True)
class Group:
    label: str
    entries: tuple[Entry, ...] = field(default_factory=tuple)


GROUPS = (
    Group(
        lazy("Today"),
        (
            Entry(lazy("Overview"), "overview", "overview.see"),
            Entry(lazy("Tasks"), "tasks", "tasks.see", ("task_",)),
        ),
    ),
    Group(
        lazy("People"),
        (
            Entry(lazy("Supporters"), "supporters", "people.see", ("supporter",)),
            Entry(lazy("Import"), "imports", "import.run", ("import_",)),
        ),
    ),
    Group(
        lazy("Money"),
        (
            Entry(lazy("Gifts"), "gifts", "gifts.see", ("gift_",)),
            Entry(lazy("Commitments"), "commitments", "commitments.see", ("commitment_",)),
            Entry(lazy("Collection runs"), "runs", "money.see", ("run_",)),
            Entry(lazy("Bank"), "bank", "money.see", ("bank_",)),
            Entry(lazy("Returns"), "returns", "money.see", ("returns_", "return_")),
            Entry(lazy("Online payments"), "online_payments", "money.see", ("online_payment", "payment_mail")),
            Entry(lazy("Refunds"), "refunds", "money.see", ("refund_",)),
            Entry(lazy("Failing commitments"), "failing", "commitments.see", ("failing_",)),
            Entry(lazy("Payment gateways"), "gateways", "money.see", ("gateway_",)),
        ),
    ),
    Group(
        lazy("Voices"),
        (
            Entry(lazy("Petitions"), "petitions", "petitions.see", ("petition_",)),
            Entry(lazy("Crowdfunding"), "editions", "crowdfunding.see", ("edition_",)),
            Entry(lazy("Data requests"), "data_requests", "petitions.private", ("data_request",)),
            Entry(lazy("Networks"), "networks", "petitions.see", ("network",)),
        ),
    ),
    Group(lazy("Reports"), (Entry(lazy("The year"), "year", "reports.see", ("year_",)),)),
    Group(
        lazy("Settings"),
        (
            Entry(lazy("Funds"), "funds", "settings.edit", ("fund_",)),
            Entry(lazy("Creditor accounts"), "creditors", "settings.edit", ("creditor_",)),
            Entry(lazy("Our bank accounts"), "our_accounts", "settings.edit", ("our_account",)),
            Entry(lazy("Users"), "users", "users.manage", ("user_",)),
            Entry(lazy("Audit log"), "audit_log", "audit.see"),
        ),
    ),
)


def entries() -> list[Group]:
    """The groups with what exists in this application and this role may open."""
    shown = []
    for group in GROUPS:
        allowed = tuple(
            entry
            for entry in group.entries
            if f"{NAME}.{entry.endpoint}" in current_app.view_functions and access.may(entry.permission)
        )
        if allowed:
            shown.append(Group(group.label, allowed))
    return shown
