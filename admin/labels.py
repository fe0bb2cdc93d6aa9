"""What the words in the tables are called on a screen, and in which colour a state is shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from admin import payment_labels
from admin.i18n import lazy

_WORDS: dict[str, dict[str, Any]] = {
    "kind_of_supporter": {"person": lazy("Person"), "organisation": lazy("Organisation")},
    "sector": {
        "": lazy("Not known"),
        "company": lazy("Company"),
        "foundation": lazy("Foundation"),
        "lottery": lazy("Lottery"),
        "government": lazy("Government"),
        "affiliate": lazy("Affiliated organisation"),
    },
    "form_of_address": {"": lazy("Not known"), "mr": lazy("Mr"), "ms": lazy("Ms")},
    "language": {"nl": lazy("Dutch"), "en": lazy("English")},
    "contact": {"email": lazy("E-mail"), "phone": lazy("Telephone"), "address": lazy("Address")},
    "every": {
        "month": lazy("a month"),
        "two_months": lazy("every two months"),
        "quarter": lazy("a quarter"),
        "half_year": lazy("every half year"),
        "year": lazy("a year"),
        "once": lazy("once"),
    },
    "method": {
        "sepa": lazy("Direct debit"),
        "transfer": lazy("Bank transfer"),
        "mollie": lazy("Mollie"),
        "stripe": lazy("Stripe"),
        "online": lazy("Online, charged by itself"),
    },
    "commitment": {
        "active": lazy("Active"),
        "paused": lazy("Paused"),
        "upcoming": lazy("Upcoming"),
        "ended": lazy("Ended"),
    },
    "end_reason": {
        "donor_request": lazy("Asked for it"),
        "financial": lazy("Cannot afford it now"),
        "no_longer_interested": lazy("No longer interested"),
        "dissatisfied": lazy("Dissatisfied with us"),
        "other_charity": lazy("Gives to another charity"),
        "deceased": lazy("Has died"),
        "payment_failures": lazy("Payments kept failing"),
        "account_closed": lazy("Bank account was closed"),
        "completed": lazy("Came to its end"),
        "replaced": lazy("Replaced by another"),
        "chargeback": lazy("Taken back by the donor"),
        "unknown": lazy("Reason not known"),
    },
    "term_reason": {"started": lazy("Started")},
    "gift": {
        "gift": lazy("Gift"),
        "bequest": lazy("Bequest"),
        "company": lazy("Company"),
        "lottery": lazy("Lottery"),
        "government": lazy("Government"),
        "affiliate": lazy("Affiliated organisation"),
        "foundation": lazy("Foundation"),
        "sale": lazy("Sale"),
    },
    "category": {
        "individuals": lazy("Individuals"),
        "companies": lazy("Companies"),
        "lotteries": lazy("Lotteries"),
        "governments": lazy("Governments"),
        "affiliated_nonprofits": lazy("Affiliated non-profit organisations"),
        "other_nonprofits": lazy("Other non-profit organisations"),
        "raised": lazy("Raised in all"),
        "goods_and_services": lazy("Goods and services supplied"),
    },
    "reversal": {
        "refund": lazy("Refund by us"),
        "return": lazy("Returned by the bank"),
        "chargeback": lazy("Taken back by the donor"),
        "reinstated": lazy("Came back to us after all"),
    },
    "evidence": {
        "paper": lazy("Signed on paper"),
        "emandate": lazy("eMandate"),
        "first_payment": lazy("First payment"),
    },
    "unusable": {"cancelled": lazy("ended"), "lapsed": lazy("lapsed"), "used": lazy("used up")},
    "source_of_death": {
        "family": lazy("Family"),
        "executor": lazy("Executor"),
        "notary": lazy("Notary"),
        "returned_mail": lazy("Returned mail"),
        "bank": lazy("The bank"),
        "register": lazy("Register"),
        "other": lazy("Otherwise"),
    },
    "instalment": {
        "due": lazy("Due"),
        "claimed": lazy("In a collection"),
        "paid": lazy("Paid"),
        "returned": lazy("Returned"),
        "skipped": lazy("Skipped"),
        "paused": lazy("Paused"),
        "waived": lazy("Let go"),
        "missed": lazy("Missed"),
    },
    "certainty": {
        "open": lazy("At the bank"),
        "provisional": lazy("Provisional"),
        "refundable": lazy("Can be taken back without a reason"),
        "contestable": lazy("Can be contested"),
        "safe": lazy("Safe"),
        "returned": lazy("Returned"),
        "failed": lazy("Failed"),
        "cancelled": lazy("Cancelled"),
    },
    "batch": {
        "prepared": lazy("Waits for approval"),
        "approved": lazy("Approved"),
        "exported": lazy("At the bank"),
        "booked": lazy("Booked"),
        "cancelled": lazy("Cancelled"),
    },
    "sequence": {"FRST": lazy("First"), "RCUR": lazy("Recurring"), "OOFF": lazy("One-off")},
    "exclusion": {
        "deceased": lazy("Has died"),
        "skipped": lazy("Skipped on request"),
        "paused": lazy("Paused"),
        "missed": lazy("Too late to collect by itself"),
        "returned": lazy("Came back before"),
        "no_mandate": lazy("No mandate"),
        "mandate_cancelled": lazy("Mandate ended"),
        "mandate_used": lazy("One-off mandate was used"),
        "mandate_lapsed": lazy("Mandate lapsed (36 months unused)"),
        "signed_later": lazy("Mandate is signed later"),
        "not_announced": lazy("Not announced in time"),
    },
    "blocker": {
        "deceased": lazy("Has died"),
        "mandate_cancelled": lazy("Ended the mandate"),
        "commitment_ended": lazy("Stopped the commitment"),
    },
    "suspicion": {
        "ten_times_usual": lazy("Ten times the usual amount, or more"),
        "same_account_and_amount": lazy("The same amount from the same account, more than once"),
    },
    "import": {"supporters": lazy("Supporters"), "commitments": lazy("Commitments"), "gifts": lazy("Gifts")},
    "import_field": {
        "reference": lazy("Reference of the supporter"),
        "supporter_reference": lazy("Reference of the supporter"),
        "kind": lazy("Kind"),
        "first_name": lazy("First name"),
        "initials": lazy("Initials"),
        "prefix": lazy("Prefix"),
        "surname": lazy("Surname"),
        "organisation": lazy("Name of the organisation"),
        "sector": lazy("What kind of organisation"),
        "form_of_address": lazy("Form of address"),
        "email": lazy("E-mail"),
        "phone": lazy("Telephone"),
        "street": lazy("Street"),
        "house_number": lazy("House number"),
        "house_addition": lazy("Addition"),
        "postcode": lazy("Postcode"),
        "city": lazy("Place"),
        "country": lazy("Country"),
        "birth_date": lazy("Date of birth"),
        "language": lazy("Language"),
        "iban": lazy("IBAN"),
        "joined_on": lazy("With us since"),
        "source_code": lazy("Source: what brought it"),
        "source": lazy("System the references come from"),
        "amount": lazy("Amount"),
        "interval": lazy("Interval"),
        "start_on": lazy("Started on"),
        "fund": lazy("Fund"),
        "method": lazy("How"),
        "mandate_reference": lazy("Reference of the mandate"),
        "mandate_signed_on": lazy("Mandate signed on"),
        "mandate_evidence": lazy("Evidence of the mandate"),
        "last_collected_on": lazy("Last collected on"),
        "last_instalment_number": lazy("Number of the last instalment"),
        "creditor": lazy("Account to collect on"),
        "received_on": lazy("Received on"),
        "description": lazy("Description"),
    },
    "import_hint": {
        "source": lazy(
            "Where the references were given, such as the name of the old system; the same for every file from it."
        ),
        "creditor": lazy("Our IBAN or creditor identifier; only needed where there are several."),
    },
    "publication": {
        "waiting": lazy("Waiting"),
        "approved": lazy("On the page"),
        "rejected": lazy("Rejected"),
        "unpublished": lazy("Taken off"),
    },
    "signature": {
        "received": lazy("Counts at once"),
        "pending": lazy("Not confirmed yet"),
        "confirmed": lazy("Confirmed"),
        "quarantined": lazy("In quarantine"),
        "withdrawn": lazy("Withdrawn"),
        "removed": lazy("Removed"),
        "rejected": lazy("Rejected"),
        "expired": lazy("Expired"),
    },
    "moderation_reason": {
        "unsuitable": lazy("Not fit to show"),
        "advertising": lazy("Advertising"),
        "somebody_elses_details": lazy("Details of somebody else"),
        "not_a_name": lazy("Not a name"),
        "asked_by_signer": lazy("The signer asked for it"),
    },
    "flag": {
        "web_address": lazy("Web address"),
        "email": lazy("E-mail address"),
        "phone": lazy("Telephone number"),
        "slur": lazy("Abusive word"),
        "capitals": lazy("All in capitals"),
    },
    "flag_field": {"name": lazy("name"), "town": lazy("town"), "comment": lazy("comment")},
    "risk": {
        "honeypot": lazy("A field that only robots fill in"),
        "blocked_network": lazy("From a blocked network"),
        "network_limit": lazy("Too many from one network"),
    },
    "stands_out": {
        "crowd": lazy("Far more than the others"),
        "grew": lazy("Three times its usual share, or more"),
        "unconfirmed": lazy("Confirms less than half as often as the others"),
        "burst": lazy("All within ten minutes"),
    },
    "handover_profile": {
        "plain": lazy("The text and the numbers"),
        "citizens_initiative": lazy("Name, address and birth date of everybody who confirmed"),
    },
    "signer_field": {
        "first_name": lazy("First name"),
        "last_name": lazy("Surname"),
        "town": lazy("Place"),
        "postcode": lazy("Postcode"),
        "comment": lazy("Comment"),
        "street": lazy("Street"),
        "house_number": lazy("House number"),
        "birth_date": lazy("Date of birth"),
    },
    "purpose": {
        "sign": lazy("Signing"),
        "show_name": lazy("Showing the name"),
        "updates": lazy("Updates about the petition"),
        "newsletter": lazy("Newsletter"),
        "appeal": lazy("Being asked for a gift"),
    },
    "network_kind": {"allow": lazy("Allowed: no limits"), "block": lazy("Blocked: goes into quarantine")},
    "petition": {
        "draft": lazy("Draft"),
        "waits": lazy("Opens later"),
        "open": lazy("Open"),
        "over": lazy("Its closing moment has passed"),
        "closed": lazy("Closed"),
    },
    "confirm_policy": {
        "required": lazy("Required: a signature counts in the large number after the button in the mail"),
        "soft": lazy("Soft: it counts at once, and a mail asks whether it was them"),
        "none": lazy("None: it counts at once, and nothing is asked"),
    },
    "petition_profile": {
        "plain": lazy("A petition: the number and the text are handed over"),
        "citizens_initiative": lazy("A citizens' initiative: with name, address and birth date of each signer"),
    },
    "consent_purpose": {
        "sign": lazy("Sign"),
        "show_name": lazy("Show my name"),
        "updates": lazy("Updates about this petition"),
        "newsletter": lazy("News about your other work"),
    },
    "mail_state": {
        "queued": lazy("Waits"),
        "sent": lazy("Sent"),
        "failed": lazy("Failed"),
        "dropped": lazy("Not needed any more"),
    },
    "petition_mail": {
        "petition_confirm": lazy("Please confirm"),
        "petition_reminder": lazy("Reminder to confirm"),
        "petition_thanks": lazy("Thank you for signing"),
        "petition_known": lazy("You signed already"),
        "petition_update": lazy("Update"),
        "petition_story": lazy("The story so far"),
    },
    "role": {
        "viewer": lazy("Viewer"),
        "fundraiser": lazy("Fundraiser"),
        "finance": lazy("Finance"),
        "administrator": lazy("Administrator"),
    },
}

_COLOURS = {
    "petition": {"open": "good", "waits": "info", "draft": "warn", "over": "warn", "closed": ""},
    "commitment": {"active": "good", "paused": "warn", "upcoming": "info", "ended": ""},
    "instalment": {"due": "info", "claimed": "info", "paid": "good", "returned": "bad", "missed": "warn"},
    "certainty": {
        "safe": "good",
        "contestable": "good",
        "refundable": "info",
        "provisional": "warn",
        "returned": "bad",
        "failed": "bad",
    },
    "batch": {"prepared": "warn", "approved": "info", "exported": "info", "booked": "good"},
    "publication": {"waiting": "warn", "approved": "good", "rejected": "bad"},
    "network_kind": {"allow": "good", "block": "bad"},
    "reversal": {"refund": "warn", "return": "bad", "chargeback": "bad", "reinstated": "good"},
}

_WORDS |= payment_labels.WORDS
_COLOURS |= payment_labels.COLOURS


def label(family: str, value: str | None) -> str:
    """The word on the screen; one that has no label yet is shown as it is rather than not at all."""
    if value is None:
        return ""
    return str(_WORDS.get(family, {}).get(value, value))


def badge(family: str, value: str) -> tuple[str, str]:
    """Label and colour."""
    return label(family, value), _COLOURS.get(family, {}).get(value, "")


def choices(family: str, values: Iterable[str] | None = None) -> list[tuple[str, Any]]:
    """For a select field; the labels stay lazy."""
    words = _WORDS[family]
    return [(value, words.get(value, value)) for value in (words if values is None else values)]
