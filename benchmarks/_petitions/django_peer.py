"""The same tables by Django REST framework and its ORM: a serializer, a transaction, an object for each row.

Keys and sealing are the same functions as ours, so what differs is the framework and the way of writing.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import django
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict

_dsn = conninfo_to_dict(os.environ["BENCH_DSN"])
settings.configure(
    SECRET_KEY="bench",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql", "NAME": _dsn.get("dbname", ""),
            "USER": _dsn.get("user", ""), "PASSWORD": _dsn.get("password", ""), "HOST": _dsn.get("host", ""),
            "PORT": str(_dsn.get("port", "")), "CONN_MAX_AGE": None,
        }
    },
    INSTALLED_APPS=["django.contrib.contenttypes", "rest_framework"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],  # it writes Content-Length
    USE_TZ=True,
    REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [], "DEFAULT_PERMISSION_CLASSES": [], "UNAUTHENTICATED_USER": None},
)  # fmt: skip
django.setup()

from django.core.wsgi import get_wsgi_application
from django.db import IntegrityError, models, transaction
from django.urls import path
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from supporters.mail.message import ADDRESS
from supporters.people.consent import address_key
from supporters.sealing import Keyring

RING = Keyring.read(os.environ["FLASK_SUPPORTERS_KEYS"], os.environ["FLASK_SUPPORTERS_PEPPER"])


class Rows(models.Model):
    class Meta:
        abstract = True
        app_label = "peer"
        managed = False


class Petition(Rows):
    slug = models.CharField(max_length=80)
    state = models.CharField(max_length=40)

    class Meta(Rows.Meta):
        db_table = "campaigns_petition"


class Wording(Rows):
    petition = models.ForeignKey(Petition, models.DO_NOTHING)
    locale = models.CharField(max_length=2)
    sign_text_id = models.BigIntegerField()
    updates_text_id = models.BigIntegerField()

    class Meta(Rows.Meta):
        db_table = "campaigns_petition_wording"


class Signature(Rows):
    petition = models.ForeignKey(Petition, models.DO_NOTHING)
    address_key = models.BinaryField()
    name_key = models.BinaryField()
    slot = models.SmallIntegerField(default=1)
    state = models.CharField(max_length=40, default="pending")
    locale = models.CharField(max_length=2)
    source = models.CharField(max_length=40)
    wording_id = models.BigIntegerField()
    signed_at = models.DateTimeField()
    mails = models.SmallIntegerField(default=1)

    class Meta(Rows.Meta):
        db_table = "campaigns_signature"


class SignaturePerson(Rows):
    signature = models.OneToOneField(Signature, models.DO_NOTHING, primary_key=True)
    sealed = models.BinaryField()
    sealed_address = models.BinaryField()
    domain = models.CharField(max_length=255)
    network_key = models.BinaryField(null=True)
    wants_updates = models.BooleanField()
    risk = models.CharField(max_length=40, default="")

    class Meta(Rows.Meta):
        db_table = "campaigns_signature_person"


class Consent(Rows):
    address_key = models.BinaryField()
    purpose = models.CharField(max_length=40)
    channel = models.CharField(max_length=40, default="email")
    scope = models.CharField(max_length=60)
    granted = models.BooleanField(default=True)
    text_id = models.BigIntegerField()
    source = models.CharField(max_length=500, default="")
    evidence = models.CharField(max_length=80)
    at = models.DateTimeField()
    by = models.CharField(max_length=255, default="visitor:petition form")

    class Meta(Rows.Meta):
        db_table = "supporters_consent"


class TallyEvent(Rows):
    petition = models.ForeignKey(Petition, models.DO_NOTHING)
    hour = models.DateTimeField()
    source = models.CharField(max_length=40)
    signed = models.SmallIntegerField(default=1)
    confirmed = models.SmallIntegerField(default=0)
    offline = models.BigIntegerField(default=0)

    class Meta(Rows.Meta):
        db_table = "campaigns_tally_event"


class OutboxMessage(Rows):
    template = models.CharField(max_length=40, default="petition_confirm")
    subject_id = models.BigIntegerField()
    params = models.JSONField(default=dict)
    locale = models.CharField(max_length=2)
    key = models.CharField(max_length=120)
    priority = models.SmallIntegerField(default=10)
    sealed_address = models.BinaryField()
    address_key = models.BinaryField()
    purpose = models.CharField(max_length=40, default="service")
    scope = models.CharField(max_length=60)
    state = models.CharField(max_length=40, default="queued")
    attempts = models.SmallIntegerField(default=0)
    next_at = models.DateTimeField()
    queued_at = models.DateTimeField()

    class Meta(Rows.Meta):
        db_table = "supporters_outbox_message"


class Form(serializers.Serializer[Any]):
    first_name = serializers.CharField(max_length=100)
    last_name = serializers.CharField(max_length=100)
    email = serializers.EmailField(max_length=254)
    town = serializers.CharField(max_length=100, required=False, default="")
    postcode = serializers.CharField(max_length=100, required=False, default="")
    consent = serializers.BooleanField()
    updates = serializers.BooleanField(required=False, default=False)
    locale = serializers.ChoiceField(("nl", "en"), default="nl")
    source = serializers.RegexField(r"^[a-z0-9/-]*$", max_length=40, required=False, default="")


class Sign(APIView):
    def post(self, request: Any, slug: str) -> Response:
        form = Form(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        now = datetime.now(UTC)
        petition = Petition.objects.get(slug=slug, state="open")
        wording = Wording.objects.filter(petition=petition, locale=given["locale"]).latest("id")
        key = address_key(RING, given["email"])
        sealed_address = RING.seal(given["email"], ADDRESS)
        name = f"{given['first_name']} {given['last_name']}"
        try:
            with transaction.atomic():
                signature = Signature.objects.create(
                    petition=petition, address_key=key, name_key=RING.hash("name", name.casefold(), 16),
                    locale=given["locale"], source=given["source"], wording_id=wording.id, signed_at=now,
                )  # fmt: skip
                SignaturePerson.objects.create(
                    signature=signature, sealed=RING.seal(name + given["town"] + given["postcode"], "signer"),
                    sealed_address=sealed_address, domain=given["email"].rpartition("@")[2],
                    network_key=RING.network_hash("127.0.0.0/24", now.date()), wants_updates=given["updates"],
                )  # fmt: skip
                scope = f"petition:{petition.id}"
                texts = {"sign": wording.sign_text_id}
                if given["updates"]:
                    texts["updates"] = wording.updates_text_id
                Consent.objects.bulk_create(
                    Consent(
                        address_key=key, purpose=purpose, scope=scope, text_id=text_id,
                        evidence=f"signature:{signature.id}", at=now,
                    )
                    for purpose, text_id in texts.items()
                )  # fmt: skip
                TallyEvent.objects.create(
                    petition=petition, hour=now.replace(minute=0, second=0, microsecond=0), source=given["source"]
                )
                OutboxMessage.objects.create(
                    subject_id=signature.id, locale=given["locale"], key=f"petition-confirm:{signature.id}:1",
                    sealed_address=sealed_address, address_key=key, scope=scope, next_at=now, queued_at=now,
                )  # fmt: skip
        except IntegrityError:
            pass  # signed before: the visitor gets the same answer
        return Response({"status": "accepted"}, status=status.HTTP_202_ACCEPTED)


urlpatterns = [path("django/<slug:slug>", Sign.as_view())]


def create_app() -> Any:
    return get_wsgi_application()
