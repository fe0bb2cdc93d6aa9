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
