"""What the words about the bank are called on a screen; ``labels`` takes them up."""

from __future__ import annotations

from typing import Any

from admin.i18n import lazy

WORDS: dict[str, dict[str, Any]] = {
    "line_state": {
        "matched": lazy("Matched"),
        "proposed": lazy("Proposed"),
        "unknown": lazy("Not known"),
        "booked": lazy("Booked"),
        "set_aside": lazy("Not a gift"),
        "before": lazy("Before we booked here"),
        "detailed": lazy("Told in parts"),
    },
    "line_kind": {
        "collection": lazy("Collection"),
        "payment": lazy("One debit of ours"),
        "return": lazy("Debit that came back"),
        "gift": lazy("Gift"),
        "payout": lazy("Payout of a gateway"),
        "refund": lazy("Refund of ours"),
        "other": lazy("Not a gift"),
    },
    "not_a_gift": {
        "own_transfer": lazy("Between accounts of our own"),
        "bank_charges": lazy("Bank charges"),
        "interest": lazy("Interest"),
        "cost": lazy("A cost that we paid"),
        "income": lazy("Income that is no gift"),
        "mistake": lazy("Sent to us by mistake"),
        "something_else": lazy("Something else"),
    },
    "match_evidence": {
        "batch_reference": lazy("The bank gives the reference of our own collection"),
        "collection_total": lazy("It has the amount and the day of one of our collections"),
        "end_to_end_id": lazy("The bank gives the reference that we gave this debit"),
        "mandate": lazy("It has the mandate and the amount of one of our debits"),
        "creditor_reference": lazy("It has the payment reference that we gave this supporter"),
        "supporter_number": lazy("The supporter number is in the text"),
        "old_number": lazy("An earlier number of this supporter is in the text"),
        "expected": lazy("It comes from this supporter's account, and is what was expected"),
        "iban": lazy("It comes from the account of this supporter"),
        "shared_iban": lazy("It comes from an account that several supporters have"),
        "name": lazy("It has the same name"),
        "own_account": lazy("It is about another account of our own"),
        "bank_code": lazy("The bank itself calls it that"),
        "gateway": lazy("It comes from a payment gateway"),
        "refund": lazy("It is a refund that we made"),
        "person": lazy("Somebody said so"),
    },
    "doubt": {
        "name_differs": lazy("the name is another one"),
        "no_name": lazy("the bank tells no name"),
        "not_confirmed": lazy("neither the name nor the account says the same"),
        "several": lazy("it leads to several supporters"),
        "only_name": lazy("a name alone decides nothing"),
        "only_amount": lazy("amount and day alone decide nothing"),
        "amount_differs": lazy("another amount was expected"),
        "mandate_differs": lazy("the mandate is another one"),
        "iban_differs": lazy("the account is another one"),
        "not_at_bank": lazy("this collection is not at the bank"),
        "refused_before": lazy("the bank said before that it had refused this debit"),
        "twin": lazy("it may be another line, told in another way"),
        "told_twice": lazy("another line tells the same"),
        "second_in_period": lazy("what was expected then has come already"),
        "deceased": lazy("this supporter has died"),
        "closed_year": lazy("the year of this day is closed"),
        "foreign_currency": lazy("it is in another currency"),
        "large_amount": lazy("the amount is unusually high"),
        "bequest": lazy("it may come from an estate"),
        "taken_back": lazy("this very match was taken back before"),
        "reversal": lazy("the bank undoes a movement of its own"),
        "not_booked_yet": lazy("the collection it belongs to is not booked yet"),
        "fund_closed": lazy("its fund is closed"),
        "not_today": lazy("the books refuse it"),
    },
    "bank_rule": {
        "statements-follow": lazy("It opens with another balance than the one before it closed with: one is missing"),
        "line-is-booked-whole": lazy("It is not booked for its whole amount"),
        "total-is-its-parts": lazy("It is a total, and its parts come to something else"),
        "line-is-the-gift": lazy("It and the gift that it was booked as are not the same"),
        "collected-is-banked": lazy("What was collected did not all come on the account"),
        "returned-is-banked": lazy("It came back on a statement, and is not returned here"),
    },
    "bank_advice": {
        "statements-follow": lazy("Ask the bank for the statement that is missing, and read it in."),
        "line-is-booked-whole": lazy("Take the line back and answer it again."),
        "total-is-its-parts": lazy("Ask the bank what the total is made of."),
        "line-is-the-gift": lazy("Take the line back and answer it again."),
        "collected-is-banked": lazy("Look for the rest among the lines that wait for an answer, or ask the bank."),
        "returned-is-banked": lazy("Look at the payment: somebody changed it after the bank took it back."),
    },
    "return_stage": {
        "rejected": lazy("Rejected, before money moved"),
        "returned": lazy("Came back afterwards"),
    },
    "statement_kind": {"statement": lazy("Statement"), "notification": lazy("Notification")},
}

COLOURS: dict[str, dict[str, str]] = {
    "line_state": {
        "matched": "info", "proposed": "warn", "unknown": "bad", "booked": "good", "set_aside": "", "before": "",
        "detailed": "",
    },
}  # fmt: skip
