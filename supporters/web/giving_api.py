"""The API of giving: what can be given, to begin, how it stands. No cookies, so a form on any allowed site works."""

from __future__ import annotations

import json
import secrets
from typing import Any

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from supporters.errors import AchterbanError, BadInput, NotFound
from supporters.network import network_of
from supporters.payments.gateway import Conflict, GatewayError, RateLimited, Unavailable
from supporters.payments.online.form import GivingForm
from supporters.payments.online.telling import WORDS
from supporters.sealing import keyring
from supporters.web import giving_words, language, problems, proof, sent
from supporters.web.desk import Desk, desk
from supporters.web.giving_schemas import BegunSchema, GivingSchema, OfferSchema, StateSchema
from supporters.web.limits import Flood
from supporters.web.schemas import ChallengeSchema, ProblemSchema

NAME = "achterban_giving_api"
bp = Blueprint(NAME, __name__, url_prefix="/api", description="Giving: what can be given, to begin, how it stands")

_STATUS = {
    sent.TooLarge: (413, "Too large"),
    sent.WrongKind: (415, "Not a form"),
    sent.WrongOrigin: (403, "Not from here"),
    Flood: (429, "Too much at once"),
}
#: What a proof of work is made for.
_FORM = "giving"
_FORM_KINDS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")


def _problems(*statuses: int) -> dict[int, dict[str, Any]]:
    said = {
        403: "This site may not send forms", 404: "There is no such thing", 413: "Larger than 64 kB",
        415: "Neither a form nor JSON", 422: "Fields to correct", 429: "Too much at once",
        502: "The payment service refused; try another way to pay",
        503: "The payment service or the database does not answer; send it again with the same key",
    }  # fmt: skip
    return {
        status: {"description": said[status], "content": {"application/problem+json": {"schema": ProblemSchema}}}
        for status in statuses
    }


def _begins() -> dict[str, Any]:
    key = {
        "in": "header", "name": "Idempotency-Key", "schema": {"type": "string", "maxLength": 100},
        "description": "The same as submission_key, for programs.",
    }  # fmt: skip
    return {
        "parameters": [key],
        "requestBody": {"required": True, "content": {kind: {"schema": GivingSchema} for kind in _FORM_KINDS}},
        "responses": {
            201: {"description": "Begun, as JSON", "content": {"application/json": {"schema": BegunSchema}}},
            303: {"description": "Begun: a form goes on to the page to pay at"},
            **_problems(403, 413, 415, 422, 429, 502, 503),
        },
    }


def _asks() -> dict[str, Any]:
    return {"responses": {204: {"description": "What a page of an allowed site may send"}}}


# -- what can be given ------------------------------------------------------------------------------------------


@bp.get("/giving")
@bp.doc(
    operationId="getGiving",
    parameters=[{"in": "query", "name": "locale", "schema": {"type": "string", "enum": list(language.LANGUAGES)}}],
    responses=_problems(503),
)
@bp.response(200, OfferSchema)
def giving() -> Response:
    """Amounts, ways to pay and their costs, funds, and the words of the newsletter: what a form can offer."""
    reader = language.reader(request.args.get("locale"))
    at = desk()
    with at.session() as session:
        offer = at.offer(session)
    body = offer.to_json(reader.locale, giving_words.methods(reader))
    body["telling"] = {
        "words": {purpose: words[reader.locale] for purpose, words in WORDS.items()},
        "heard": [{"code": code, "name": name} for code, name in giving_words.heard(reader).items()],
    }  # fmt: skip
    body["challenge_url"] = at.link(f"{NAME}.challenge") if at.rules.proof_number else None
    answer = Response(json.dumps(body, ensure_ascii=False), mimetype="application/json")
    answer.headers["Cache-Control"] = "public, max-age=60, stale-while-revalidate=300, stale-if-error=3600"
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Vary"] = "Accept-Language"
    return answer


@bp.get("/giving/challenge")
@bp.doc(operationId="getGivingChallenge", responses=_problems(404))
@bp.response(200, ChallengeSchema)
def challenge() -> Response:
    """A riddle whose answer, in the field ``altcha``, makes room for more: no robot tries cards by the thousand."""
    at = desk()
    if not at.rules.proof_number:
        raise NotFound("No proof of work is asked for here.")
    with at.session() as session:
        made = proof.challenge(keyring(session), _FORM, at.rules.proof_number)
    answer = Response(json.dumps(made), mimetype="application/json")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer


# -- beginning --------------------------------------------------------------------------------------------------


@bp.route("/gifts", methods=["OPTIONS"])
@bp.doc(operationId="preflightGift", **_asks())
def preflight_gifts() -> Response:
    """What browsers ask before a page of another site sends JSON."""
    return _preflight()


@bp.route("/commitments", methods=["OPTIONS"])
@bp.doc(operationId="preflightCommitment", **_asks())
def preflight_commitments() -> Response:
    """What browsers ask before a page of another site sends JSON."""
    return _preflight()


def _preflight() -> Response:
    answer = Response(status=204)
    if desk().may_come_from(request.headers.get("Origin")):
        answer.headers["Access-Control-Allow-Methods"] = "POST"
        answer.headers["Access-Control-Allow-Headers"] = "Content-Type, Idempotency-Key"
        answer.headers["Access-Control-Max-Age"] = "7200"
    return answer


@bp.post("/gifts")
@bp.doc(operationId="give", **_begins())
def gifts() -> ResponseReturnValue:
    """Give once; or, with an interval, for longer: for a form that leaves the choice."""
    return _begin(lasting=False)


@bp.post("/commitments")
@bp.doc(operationId="startCommitment", **_begins())
def commitments() -> ResponseReturnValue:
    """Give every month, quarter or year, beginning with a first payment."""
    return _begin(lasting=True)


def _begin(*, lasting: bool) -> ResponseReturnValue:
    at = desk()
    origin = request.headers.get("Origin")
    if not at.may_come_from(origin):
        raise sent.WrongOrigin(
            "Forms from %(origin)s are not taken; SUPPORTERS_GIVING_ORIGINS names the sites that may send them.",
            origin=str(origin)[:100],
        )
    fields = dict(sent.fields_of(request))
    if key := request.headers.get("Idempotency-Key"):
        fields.setdefault("submission_key", key)
    if not fields.get("locale"):
        fields["locale"] = language.reader().locale
    try:
        checkout_id, token = _opened(at, fields, lasting=lasting)
    except (BadInput, Flood) as error:
        error.__dict__["sent"] = fields
        raise
    if checkout_id is None:  # A robot fell into the trap, and is told nothing.
        return _begun(at, token, at.link("achterban_giving.back", token=token))
    try:
        url = at.pay(checkout_id)
    except AchterbanError as error:
        error.__dict__.update(sent=fields, token=token)
        raise
    return _begun(at, token, url or at.link("achterban_giving.back", token=token))


def _opened(at: Desk, fields: dict[str, Any], *, lasting: bool) -> tuple[int | None, str]:
    """The checkout's number and token, durable; no number where nothing was begun."""
    with at.session() as session:
        offer = at.offer(session)
        form = GivingForm.read(
            session, fields, offer, lasting=lasting, own_pages=at.own_pages(), form_url=sent.page_of(request)
        )
        solved = proof.solved(keyring(session), _FORM, form.altcha) if form.altcha else ""
        at.limits.begin(network_of(request.remote_addr or ""), solved)
        if form.website:
            return None, secrets.token_urlsafe(32)
        checkout = form.open(session, offer, now=at.now())
        session.commit()
        return checkout.id, checkout.token


def _begun(at: Desk, token: str, checkout_url: str) -> Response:
    if not sent.is_json(request):
        return Response(status=303, headers={"Location": checkout_url, "Cache-Control": "no-store"})
    body = {"token": token, "checkout_url": checkout_url, "status_url": at.link(f"{NAME}.state", token=token)}
    return Response(json.dumps(body), 201, mimetype="application/json", headers={"Cache-Control": "no-store"})


# -- how it stands ----------------------------------------------------------------------------------------------


@bp.get("/checkouts/<token>")
@bp.doc(operationId="getCheckout", responses=_problems(404, 503))
@bp.response(200, StateSchema)
def state(token: str) -> Response:
    """How it stands, for a script; who asks nudges us to look at the payment service, and decides nothing."""
    at = desk()
    found = at.look(token)
    body = found.to_json(status_url=at.link(f"{NAME}.state", token=token), as_of=at.now())
    return Response(json.dumps(body), mimetype="application/json", headers={"Cache-Control": "no-store"})


# -- what goes wrong --------------------------------------------------------------------------------------------


@bp.errorhandler(AchterbanError)
def refuse(error: AchterbanError) -> ResponseReturnValue:
    """A problem document; or, for a form in a browser, a page that keeps what was typed."""
    fields = getattr(error, "sent", {})
    wish = fields.get("locale") if isinstance(fields.get("locale"), str) else request.args.get("locale")
    reader = language.reader(wish)
    if (token := getattr(error, "token", None)) is not None:
        answer = no_answer(error, reader, token)
    elif (status := next((found for kind, found in _STATUS.items() if isinstance(error, kind)), None)) is not None:
        body = {
            "type": "about:blank", "title": reader.say(status[1]), "status": status[0],
            "detail": problems.said(error, reader.translate), "code": error.code,
        }  # fmt: skip
        answer = problems.answer(status[0], body)
    else:
        answer = problems.problem(error, reader.translate)
    if request.method == "POST" and not sent.is_json(request) and sent.wants_page(request):
        answer = _page(error, answer, reader, fields)
    if isinstance(error, Flood):
        answer.headers["Retry-After"] = str(error.seconds)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def no_answer(error: AchterbanError, reader: language.Reader, token: str) -> Response:
    """The payment service does not answer, or refuses; what was asked is kept, and can be tried again."""
    is_passing = isinstance(error, Unavailable | RateLimited | Conflict)
    status = 503 if is_passing else 502
    body = {
        "type": "about:blank", "title": reader.say("The payment service does not answer"), "status": status,
        "code": error.code if isinstance(error, GatewayError) else "gateway_error", "token": token,
        "detail": reader.say(giving_words.TROUBLE["passing" if is_passing else "refused"]),
        "status_url": desk().link(f"{NAME}.state", token=token),
    }  # fmt: skip
    answer = problems.answer(status, body)
    if is_passing:
        seconds = error.after if isinstance(error, RateLimited) else 10
        answer.headers["Retry-After"] = str(max(1, round(seconds)))
    return answer


def _page(error: AchterbanError, answer: Response, reader: language.Reader, fields: dict[str, Any]) -> Response:
    from supporters.web.donating import Donating

    said: dict[str, Any] = json.loads(answer.get_data())
    errors = {each["field"] or "": each["message"] for each in said.get("errors", [])} or {"": said["detail"]}
    token = getattr(error, "token", None)
    if token is not None:
        page = language.shown("no_answer.html", reader, token=token, message=said["detail"])
    elif answer.status_code == 422:
        page = language.shown("form_again.html", reader, form=Donating.again(fields, errors, reader))
    else:
        page = language.shown("refused.html", reader, message=said["detail"])
    shown = Response(page, answer.status_code)
    if "Retry-After" in answer.headers:
        shown.headers["Retry-After"] = answer.headers["Retry-After"]
    return shown


def unavailable(error: SQLAlchemyError) -> ResponseReturnValue:
    return problems.unavailable(error, language.reader().say)


@bp.errorhandler(HTTPException)
def other(error: HTTPException) -> ResponseReturnValue:
    return problems.of_http(error)


@bp.after_request
def open_to_allowed_sites(answer: Response) -> Response:
    """A page of an allowed site may read the answer, mistakes included; no other may."""
    if request.endpoint in (f"{NAME}.giving", f"{NAME}.challenge"):
        return answer
    answer.headers["Vary"] = "Origin, Accept, Accept-Language"
    origin = request.headers.get("Origin")
    if origin and origin != "null" and desk().may_come_from(origin):
        answer.headers["Access-Control-Allow-Origin"] = origin
    return answer


for away in problems.NO_DATABASE:
    bp.register_error_handler(away, unavailable)
for view_function in (giving, challenge, gifts, commitments, preflight_gifts, preflight_commitments, state):
    view_function.__dict__["public"] = True
