"""The API of a petition: to show it, to count it, to sign it. No cookies, so a form on any allowed site works."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, current_app, request, url_for
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from campaigns.petitions.form import SignatureForm
from campaigns.petitions.terms import Closed
from campaigns.web import language
from campaigns.web.schemas import (
    AcceptedSchema,
    CountSchema,
    PetitionSchema,
    SignatureSchema,
)
from campaigns.web.view import Desk, View, desk
from supporters.errors import AchterbanError, BadInput, Mistakes, NotFound
from supporters.links import may_return_to
from supporters.network import network_of
from supporters.web import problems, proof, sent
from supporters.web.limits import Flood
from supporters.web.schemas import ChallengeSchema, ProblemSchema

NAME = "achterban_petitions_api"
bp = Blueprint(NAME, __name__, url_prefix="/api/petitions", description="Petitions: show, count, sign")

_ACCEPTED = {
    step: json.dumps({"status": "accepted", "next": step}, separators=(",", ":")).encode()
    for step in ("check_email", "done")
}
_STATUS = {
    Closed: (410, "It is closed"),
    sent.TooLarge: (413, "Too large"),
    sent.WrongKind: (415, "Not a form"),
    sent.WrongOrigin: (403, "Not from here"),
    Flood: (429, "Too much at once"),
}
_FORM_KINDS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")


def _problems(*statuses: int) -> dict[int, dict[str, Any]]:
    said = {
        403: "This site is not on the petition's list", 404: "There is no such petition", 410: "It is closed",
        413: "Larger than 64 kB", 415: "Neither a form nor JSON", 422: "Fields to correct", 429: "Too much at once",
        503: "The database does not answer; send it again",
    }  # fmt: skip
    return {
        status: {"description": said[status], "content": {"application/problem+json": {"schema": ProblemSchema}}}
        for status in statuses
    }


# -- showing ----------------------------------------------------------------------------------------------------


@bp.get("/<slug>")
@bp.doc(operationId="getPetition", responses=_problems(404))
@bp.response(200, PetitionSchema)
def petition(slug: str) -> Response:
    """A petition with its text, count, consent texts and the names that may be shown."""
    at = desk()
    view = _shown(at, slug)
    challenge_url = at.link(f"{NAME}.challenge", slug=slug)
    body = view.to_json(at.counts.get(slug), now=at.now(), challenge_url=challenge_url)
    return _public(json.dumps(body, ensure_ascii=False), seconds=5)


@bp.get("/<slug>/count")
@bp.doc(operationId="getPetitionCount", responses=_problems(404))
@bp.response(200, CountSchema)
def count(slug: str) -> Response:
    """Exact as of the moment it names; made to be kept by every cache on the way for some seconds."""
    at = desk()
    view = _shown(at, slug)
    return _public(json.dumps(view.counted(at.counts.get(slug)), separators=(",", ":")), seconds=5)


@bp.get("/<slug>/challenge")
@bp.doc(operationId="getPetitionChallenge", responses=_problems(404))
@bp.response(200, ChallengeSchema)
def challenge(slug: str) -> Response:
    """A riddle whose answer, in the field ``altcha``, says that no robot sends forms by the thousand."""
    at = desk()
    view = _shown(at, slug)
    answer = Response(
        json.dumps(proof.challenge(at.ring, f"petition-{view.slug}", at.settings.proof_number)),
        mimetype="application/json",
    )
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer


def _shown(at: Desk, slug: str) -> View:
    """A petition that the outside may know of."""
    view = at.views.get(slug)
    if view.terms.state == "draft":
        raise NotFound("There is no petition “%(slug)s”.", field="slug", slug=slug[:80])
    return view


def _public(body: str, *, seconds: int) -> Response:
    answer = Response(body, mimetype="application/json")
    answer.headers["Cache-Control"] = (
        f"public, max-age={seconds}, stale-while-revalidate={2 * seconds}, stale-if-error={5 * seconds}"
    )
    answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer


# -- signing ----------------------------------------------------------------------------------------------------


@bp.route("/<slug>/signatures", methods=["OPTIONS"])
@bp.doc(
    operationId="preflightSignature",
    responses={204: {"description": "What a page of an allowed site may send"}, **_problems(404)},
)
def preflight(slug: str) -> Response:
    """What browsers ask before a page of another site sends JSON."""
    answer = Response(status=204)
    if _may_come_from(_shown(desk(), slug), request.headers.get("Origin")):
        answer.headers["Access-Control-Allow-Methods"] = "POST"
        answer.headers["Access-Control-Allow-Headers"] = "Content-Type, Idempotency-Key"
        answer.headers["Access-Control-Max-Age"] = "7200"
    return answer


@bp.route("/<slug>/signatures", methods=["POST"])
@bp.doc(
    operationId="signPetition",
    parameters=[
        {
            "in": "header", "name": "Idempotency-Key", "schema": {"type": "string", "maxLength": 100},
            "description": "The same as submission_key, for programs.",
        }
    ],
    requestBody={"required": True, "content": {kind: {"schema": SignatureSchema} for kind in _FORM_KINDS}},
    responses={
        202: {
            "description": "Accepted, as JSON; the same whether or not the address signed before",
            "content": {"application/json": {"schema": AcceptedSchema}},
        },
        303: {"description": "Accepted: a form goes on to the page it named, or to our thanks"},
        **_problems(403, 404, 410, 413, 415, 422, 429, 503),
    },
)  # fmt: skip
def sign(slug: str) -> ResponseReturnValue:
    """Sign a petition, as JSON or by a plain form. The answer never tells whether the address signed before."""
    at = desk()
    view = _shown(at, slug)
    if not _may_come_from(view, request.headers.get("Origin")):
        raise sent.WrongOrigin(
            "This petition cannot be signed from %(origin)s; its allowed sites can be changed in the admin.",
            origin=request.headers["Origin"][:100],
        )
    fields = dict(sent.fields_of(request))
    if key := request.headers.get("Idempotency-Key"):
        fields.setdefault("submission_key", key)
    if not fields.get("locale"):
        fields["locale"] = language.reader(otherwise=view.terms.locale).locale
    try:
        form = SignatureForm.read(fields, form_url=sent.page_of(request))
        _note_unknown(at, view, form)
        if form.return_to and not _may_return(view, form.return_to):
            raise BadInput("This petition does not know the page to return to.", field="return_to")
        _take(at, view, form)
    except BadInput as error:
        error.__dict__["sent"] = fields
        raise
    if sent.is_json(request):
        return Response(
            _ACCEPTED["done" if view.terms.confirm_policy == "none" else "check_email"], 202,
            mimetype="application/json", headers={"Cache-Control": "no-store"},
        )  # fmt: skip
    thanks = url_for("achterban_petitions.thanks", slug=slug, lang=form.locale)
    return Response(status=303, headers={"Location": form.return_to or thanks, "Cache-Control": "no-store"})


def _take(at: Desk, view: View, form: SignatureForm) -> None:
    """Look at it as a guard does, then write it; returns when it is durable."""
    now = at.now()
    view.terms.must_be_open(now)
    solved = proof.solved(at.ring, f"petition-{view.slug}", form.altcha) if form.altcha else ""
    network = network_of(request.remote_addr or "")
    risk = at.limits.look(network, with_proof=bool(solved))
    row = view.terms.prepare(
        form, at.ring, now=now, network=network, today=at.supporters.settings.day_of(now), risk=risk, proof=solved
    )
    at.intake.submit(row)


def _may_come_from(view: View, origin: str | None) -> bool:
    """A browser names the site; a program, or a browser that keeps it to itself ("null"), names none."""
    if origin is None or origin == "null" or origin in view.terms.allowed_origins:
        return True
    return origin in (request.host_url.rstrip("/"), desk().supporters.settings.public_url)


def _may_return(view: View, url: str) -> bool:
    own = (request.host_url, desk().supporters.settings.public_url + "/")
    return may_return_to(url, [*view.terms.return_urls, *(f"{each}*" for each in own)])


def _note_unknown(at: Desk, view: View, form: SignatureForm) -> None:
    what = (view.slug, form.form_url, *form.unknown)
    if form.unknown and what not in at.odd_forms and len(at.odd_forms) < 1_000:
        at.odd_forms.add(what)
        current_app.logger.warning(
            "the form for petition %s at %s sends fields we do not know: %s", view.slug, form.form_url or "(unknown)",
            ", ".join(form.unknown),
        )  # fmt: skip


# -- what goes wrong --------------------------------------------------------------------------------------------


@bp.errorhandler(AchterbanError)
def refuse(error: AchterbanError) -> ResponseReturnValue:
    """A problem document; or, for a form in a browser, a page that keeps what was typed."""
    fields = getattr(error, "sent", {})
    wish = fields.get("locale") if isinstance(fields.get("locale"), str) else request.args.get("lang")
    reader = language.reader(wish)
    status, title = next((found for kind, found in _STATUS.items() if isinstance(error, kind)), (0, ""))
    if not status:
        answer = problems.problem(error, reader.translate)
    else:
        body = {
            "type": "about:blank", "title": reader.say(title), "status": status,
            "detail": problems.said(error, reader.translate), "code": error.code,
        }  # fmt: skip
        answer = problems.answer(status, body)
    if request.method == "POST" and not sent.is_json(request) and sent.wants_page(request):
        answer = _page(error, answer.status_code, reader, fields)
    if isinstance(error, Flood):
        answer.headers["Retry-After"] = str(error.seconds)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _page(error: AchterbanError, status: int, reader: language.Reader, fields: dict[str, Any]) -> Response:
    slug = (request.view_args or {}).get("slug", "")
    try:
        view = _shown(desk(), slug)
    except AchterbanError:
        view = None
    errors = error.errors if isinstance(error, Mistakes) else [error]
    return Response(
        language.shown(
            "form_again.html" if view and status == 422 else "refused.html", reader, view=view, status=status,
            message=problems.said(error, reader.translate), values=fields,
            errors={each.field or "": problems.said(each, reader.translate) for each in errors},
            count=desk().counts.get(slug) if view else None,
        ),
        status,
    )  # fmt: skip


def unavailable(error: SQLAlchemyError) -> ResponseReturnValue:
    return problems.unavailable(error, language.reader().say)


@bp.errorhandler(HTTPException)
def other(error: HTTPException) -> ResponseReturnValue:
    return problems.of_http(error)


@bp.after_request
def open_to_allowed_sites(answer: Response) -> Response:
    """A page of an allowed site may read the answer, mistakes included; no other may."""
    if request.endpoint in (f"{NAME}.sign", f"{NAME}.preflight"):
        answer.headers["Vary"] = "Origin, Accept, Accept-Language"
        origin = request.headers.get("Origin")
        try:
            view = desk().views.get((request.view_args or {}).get("slug", ""))
        except AchterbanError:
            return answer
        if origin and origin != "null" and _may_come_from(view, origin):
            answer.headers["Access-Control-Allow-Origin"] = origin
    elif answer.status_code >= 400:
        answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer


for away in problems.NO_DATABASE:
    bp.register_error_handler(away, unavailable)
for view_function in (petition, count, challenge, preflight, sign):
    view_function.__dict__["public"] = True
