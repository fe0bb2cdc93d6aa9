"""The API that starts somebody's own page: the same three fields as our form, and the same answer for everybody."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from campaigns.crowdfunding.page import LONGEST_TITLE
from campaigns.web import language
from campaigns.web.own_pages import public_edition, take_request
from supporters.errors import AchterbanError
from supporters.web import problems, sent
from supporters.web.limits import Flood
from supporters.web.schemas import ProblemSchema

NAME = "achterban_own_pages_api"
bp = Blueprint(NAME, __name__, url_prefix="/api/editions", description="Crowdfunding: start a page of one's own")
_ACCEPTED = json.dumps({"status": "accepted", "next": "check_email"}, separators=(",", ":"))
_STATUS = {sent.TooLarge: (413, "Too large"), sent.WrongKind: (415, "Not a form"), Flood: (429, "Too much at once")}
_SAID = {
    404: "There is no such edition", 409: "It takes no pages now", 413: "Larger than 64 kB",
    415: "Neither a form nor JSON", 422: "Fields to correct", 429: "Too much at once",
    503: "The database does not answer; send it again",
}  # fmt: skip


class PageRequestSchema(Schema):
    """Three fields; nothing is public before the button behind the mailed link was pressed, and somebody looked."""

    name = fields.String(required=True, validate=validate.Length(1, 100))
    email = fields.String(required=True, validate=validate.Length(3, 254), metadata={"format": "email"})
    title = fields.String(required=True, validate=validate.Length(1, LONGEST_TITLE))
    team = fields.String(validate=validate.Length(max=40), metadata={"description": "The address of a team."})
    locale = fields.String(validate=validate.OneOf(["nl", "en"]), metadata={"description": "Of the mail."})
    website = fields.String(metadata={"description": "Leave this out: it is a trap for robots."})


class PageAcceptedSchema(Schema):
    """The same for everybody, whether or not we know the address."""

    status = fields.String(validate=validate.OneOf(["accepted"]))
    next = fields.String(validate=validate.OneOf(["check_email"]))


@bp.route("/<slug>/pages", methods=["POST"])
@bp.doc(
    operationId="startFundraisingPage",
    requestBody={
        "required": True,
        "content": {
            kind: {"schema": PageRequestSchema} for kind in ("application/json", "application/x-www-form-urlencoded")
        },
    },
    responses={
        202: {"description": "Accepted: a mail is on its way", "content": {
            "application/json": {"schema": PageAcceptedSchema}
        }},
        **{
            status: {"description": why, "content": {"application/problem+json": {"schema": ProblemSchema}}}
            for status, why in _SAID.items()
        },
    },
)  # fmt: skip
def start(slug: str) -> ResponseReturnValue:
    """Start a page of one's own: we mail a link, and its button makes the page."""
    given: dict[str, Any] = dict(sent.fields_of(request))
    take_request(public_edition(slug), given, language.reader(str(given.get("locale") or "")).locale)
    return Response(_ACCEPTED, 202, mimetype="application/json", headers={"Cache-Control": "no-store"})


@bp.errorhandler(AchterbanError)
def refuse(error: AchterbanError) -> ResponseReturnValue:
    reader = language.reader(request.args.get("lang"))
    status, title = next((found for kind, found in _STATUS.items() if isinstance(error, kind)), (0, ""))
    if status:
        answer = problems.answer(status, {
            "type": "about:blank", "title": reader.say(title), "status": status,
            "detail": problems.said(error, reader.translate), "code": error.code,
        })  # fmt: skip
    else:
        answer = problems.problem(error, reader.translate)
    if isinstance(error, Flood):
        answer.headers["Retry-After"] = str(error.seconds)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def unavailable(error: SQLAlchemyError) -> ResponseReturnValue:
    return problems.unavailable(error, language.reader().say)


@bp.errorhandler(HTTPException)
def other(error: HTTPException) -> ResponseReturnValue:
    return problems.of_http(error)


for away in problems.NO_DATABASE:
    bp.register_error_handler(away, unavailable)
start.__dict__["public"] = True
