"""What the API takes and gives, as schemas: the OpenAPI document is made from them."""

from __future__ import annotations

from marshmallow import Schema, fields, validate


class SignatureSchema(Schema):
    """What a petition form sends. In a form a ticked box is "1"."""

    first_name = fields.String(required=True, validate=validate.Length(1, 100))
    last_name = fields.String(required=True, validate=validate.Length(1, 100))
    email = fields.String(required=True, validate=validate.Length(3, 254), metadata={"format": "email"})
    consent = fields.Boolean(required=True, metadata={"description": "Has to be true."})
    town = fields.String(validate=validate.Length(max=100))
    postcode = fields.String(validate=validate.Length(max=100))
    comment = fields.String(
        validate=validate.Length(max=1000),
        metadata={"description": "Shown only where the texts name it (asks_comment) and show_name is true."},
    )
    street = fields.String(validate=validate.Length(max=100), metadata={"description": "Citizens' initiatives only."})
    house_number = fields.String(validate=validate.Length(max=100))
    birth_date = fields.String(metadata={"format": "date", "description": "1980-05-31"})
    show_name = fields.Boolean()
    updates = fields.Boolean()
    newsletter = fields.Boolean()
    consent_text_id = fields.Integer(metadata={"description": "The set of texts that was shown; else the current one."})
    locale = fields.String(validate=validate.OneOf(["nl", "en"]))
    return_to = fields.String(metadata={"description": "A page on the petition's list; a form goes there afterwards."})
    submission_key = fields.String(
        validate=validate.Length(max=100), metadata={"description": "The same form sent twice is one signature."}
    )
    altcha = fields.String(metadata={"description": "The solved challenge, in base64."})
    website = fields.String(metadata={"description": "Leave this out: it is a trap for robots."})
    source = fields.String(validate=validate.Length(max=40), metadata={"description": "What brought them."})


class AcceptedSchema(Schema):
    """The same for everybody, whether or not the address signed before."""

    status = fields.String(validate=validate.OneOf(["accepted"]))
    next = fields.String(validate=validate.OneOf(["check_email", "done"]))


class CountSchema(Schema):
    signed = fields.Integer()
    confirmed = fields.Integer()
    offline = fields.Integer()
    headline = fields.Integer(metadata={"description": "The number to show large, under the petition's own rule."})
    goal = fields.Integer(allow_none=True)
    as_of = fields.String(metadata={"description": "The moment that the numbers are exact for."})


class NameSchema(Schema):
    name = fields.String()
    town = fields.String()
    comment = fields.String()


class UpdateSchema(Schema):
    title = fields.String()
    text_html = fields.String()
    at = fields.String()


class PetitionSchema(Schema):
    slug = fields.String()
    title = fields.String()
    text_html = fields.String()
    addressee = fields.String()
    locale = fields.String()
    state = fields.String(validate=validate.OneOf(["draft", "open", "closed"]))
    is_open = fields.Boolean()
    closes_at = fields.String(allow_none=True)
    count = fields.Nested(CountSchema)
    goal = fields.Integer(allow_none=True)
    fields_ = fields.List(fields.String(), data_key="fields")
    texts = fields.Dict(
        keys=fields.String(), values=fields.Dict(),
        metadata={"description": "By language: id, the text of each purpose, and asks_comment: ask for a comment too."},
    )  # fmt: skip
    challenge_url = fields.String()
    names = fields.List(fields.Nested(NameSchema))
    updates = fields.List(fields.Nested(UpdateSchema))
