"""What every API of ours answers when something is wrong, as schemas: the OpenAPI document is made from them."""

from __future__ import annotations

from marshmallow import Schema, fields


class MistakeSchema(Schema):
    field = fields.String(allow_none=True)
    code = fields.String()
    message = fields.String()


class ProblemSchema(Schema):
    """RFC 9457; ``errors`` where a form has several mistakes."""

    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    detail = fields.String()
    code = fields.String()
    field = fields.String()
    errors = fields.List(fields.Nested(MistakeSchema))


class ChallengeSchema(Schema):
    """A riddle of ALTCHA; solved and in base64 it is the field ``altcha`` of a form."""

    algorithm = fields.String()
    challenge = fields.String()
    maxnumber = fields.Integer()
    salt = fields.String()
    signature = fields.String()
