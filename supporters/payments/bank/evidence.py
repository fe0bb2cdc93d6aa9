"""What a match rests on and what speaks against it, as words with the sentence for each."""

from __future__ import annotations

#: What decided, or what suggests it.
EVIDENCE = {
    "batch_reference": "the reference of our own collection",
    "collection_total": "the amount and the day of one of our collections",
    "end_to_end_id": "the reference that we gave this debit",
    "mandate": "the mandate and the amount of one of our debits",
    "creditor_reference": "the payment reference that we gave this supporter",
    "supporter_number": "the supporter number in the text",
    "old_number": "an earlier number of theirs in the text",
    "expected": "the account, and an amount that was expected then",
    "iban": "the account of this supporter",
    "shared_iban": "an account that several supporters have",
    "name": "the name, and nothing else",
    "own_account": "an account of our own",
    "bank_code": "what the bank itself calls it",
    "gateway": "the name of a payment gateway",
    "refund": "a refund that we made",
    "person": "somebody said so",
}
#: Why it is for a person to say; of a matched line, why it could not be booked yet.
DOUBTS = {
    "name_differs": "the name is another one",
    "no_name": "the bank told no name",
    "not_confirmed": "neither the name nor the account says the same",
    "several": "it leads to several supporters",
    "only_name": "a name alone decides nothing",
    "only_amount": "amount and day alone decide nothing",
    "amount_differs": "another amount was expected",
    "mandate_differs": "the mandate is another one",
    "iban_differs": "the account is another one",
    "not_at_bank": "this collection is not at the bank",
    "refused_before": "the bank said before that it had refused this debit",
    "twin": "it may be another line, told in another way",
    "told_twice": "another line tells the same",
    "second_in_period": "what was expected then has come already",
    "deceased": "this supporter has died",
    "closed_year": "the year of this day is closed",
    "foreign_currency": "it is in another currency",
    "large_amount": "the amount is unusually high",
    "bequest": "it may come from an estate",
    "taken_back": "this very match was taken back before",
    "reversal": "the bank undoes a movement of its own",
    "not_booked_yet": "the collection it belongs to is not booked yet",
    "fund_closed": "its fund is closed",
    "not_today": "the books refuse it",
}
