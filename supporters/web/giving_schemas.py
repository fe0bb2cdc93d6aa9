"""What the API of giving takes and gives, as schemas: the OpenAPI document is made from them."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from supporters.giving.months import INTERVALS
from supporters.payments.online.accounts import METHODS
from supporters.payments.online.checkout import KINDS
from supporters.payments.online.outcome import STATES
from supporters.payments.online.rules import LOCALES
from supporters.payments.online.telling import HEARD, LONGEST_MESSAGE, LONGEST_NAME


class GivingSchema(Schema):
    """What a form for giving sends. In a form a ticked box is "1"."""

    amount = fields.String(metadata={"description": "25 or 12,50; other: what amount_other says."})
    amount_other = fields.String(metadata={"description": "Somebody's own amount; it goes before amount."})
    interval = fields.String(
        validate=validate.OneOf(list(INTERVALS)), metadata={"description": "Of those that GET /api/giving names."}
    )
    method = fields.String(
        validate=validate.OneOf(METHODS), metadata={"description": "Without it the payment page asks."}
    )
    fund = fields.String(validate=validate.Length(max=40), metadata={"description": "Its code; else general."})
    first_name = fields.String(required=True, validate=validate.Length(1, 100))
    prefix = fields.String(validate=validate.Length(max=40), metadata={"description": "van den"})
    surname = fields.String(required=True, validate=validate.Length(1, 100), metadata={"description": "Or last_name."})
    email = fields.String(required=True, validate=validate.Length(3, 254), metadata={"format": "email"})
    cover_costs = fields.Boolean(metadata={"description": "Add what the payment costs; the method has to be named."})
    newsletter = fields.Boolean()
    consent_text_id = fields.Integer(metadata={"description": "The words that stood beside the box; else the current."})
    source_code = fields.String(validate=validate.Length(max=40), metadata={"description": "What brought them."})
    placement = fields.String(validate=validate.Length(max=80))
    edition = fields.String(validate=validate.Length(max=80))
    public_name = fields.String(
        validate=validate.Length(max=LONGEST_NAME),
        metadata={"description": "What everybody may read; kept with an edition only, as the four that follow."},
    )
    message = fields.String(validate=validate.Length(max=LONGEST_MESSAGE))
    show_amount = fields.Boolean()
    heard = fields.String(validate=validate.OneOf(HEARD), metadata={"description": "How they heard of the edition."})
    updates = fields.Boolean(metadata={"description": "Mail the news of the edition."})
    locale = fields.String(validate=validate.OneOf(LOCALES))
    return_to = fields.String(metadata={"description": "A page on our list, to go to afterwards."})
    submission_key = fields.String(
        validate=validate.Length(max=100), metadata={"description": "The same form sent twice is one payment."}
    )
    altcha = fields.String(metadata={"description": "The solved challenge, in base64; without it limits are stricter."})
    website = fields.String(metadata={"description": "Leave this out: it is a trap for robots."})


class BegunSchema(Schema):
    token = fields.String()
    checkout_url = fields.String(metadata={"description": "Where they go and pay."})
    status_url = fields.String(metadata={"description": "GET says how it stands."})


class StateSchema(Schema):
    token = fields.String()
    kind = fields.String(validate=validate.OneOf(KINDS))
    state = fields.String(validate=validate.OneOf(sorted(set(STATES.values()))))
    is_final = fields.Boolean()
    can_try_again = fields.Boolean()
    amount = fields.String()
    currency = fields.String()
    interval = fields.String()
    checkout_url = fields.String(allow_none=True)
    status_url = fields.String()
    as_of = fields.String()


class MethodSchema(Schema):
    method = fields.String()
    name = fields.String()


class MethodsSchema(Schema):
    once = fields.List(fields.Nested(MethodSchema))
    lasting = fields.List(fields.Nested(MethodSchema))


class FundSchema(Schema):
    code = fields.String()
    name = fields.String()


class NewsletterSchema(Schema):
    id = fields.Integer(allow_none=True)
    text = fields.String()


class TellingSchema(Schema):
    words = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        metadata={"description": "Beside each field, by what is agreed to."},
    )
    heard = fields.List(fields.Nested(FundSchema), metadata={"description": "Answers to how somebody heard of it."})


class OfferSchema(Schema):
    locale = fields.String()
    currency = fields.String()
    amounts = fields.List(fields.String())
    smallest = fields.String()
    largest = fields.String()
    intervals = fields.List(fields.String())
    methods = fields.Nested(MethodsSchema)
    costs = fields.Dict(keys=fields.String(), values=fields.String())
    funds = fields.List(fields.Nested(FundSchema))
    newsletter = fields.Nested(NewsletterSchema, allow_none=True)
    telling = fields.Nested(
        TellingSchema, metadata={"description": "What can be told along with a gift to an edition of crowdfunding."}
    )
    challenge_url = fields.String(
        allow_none=True,
        metadata={"description": "Where a riddle for the field altcha is had; null: none is asked for."},
    )
