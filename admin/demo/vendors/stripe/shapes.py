"""Objects as Stripe's API sends them: every field it always sends is there, what nothing is said about is null."""

from __future__ import annotations

from typing import Any

Thing = dict[str, Any]

API_VERSION = "2026-10-28.endive"
NO_ADDRESS = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}
BRAND, LAST4, EXPIRES = "visa", "4242", (12, 2030)


def nobody(email: str | None = None, name: str | None = None) -> Thing:
    """Billing details."""
    return {"address": dict(NO_ADDRESS), "email": email, "name": name, "phone": None, "tax_id": None}


def session(ident: str, created: int, **said: Any) -> Thing:
    return {
        "id": ident, "object": "checkout.session", "adaptive_pricing": None, "after_expiration": None,
        "allow_promotion_codes": None, "allowed_payment_method_types": None, "amount_subtotal": None,
        "amount_total": None, "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None, "branding_settings": None, "cancel_url": None, "client_reference_id": None,
        "client_secret": None, "collected_information": None, "consent": None, "consent_collection": None,
        "created": created, "currency": None, "currency_conversion": None, "custom_fields": [],
        "custom_text": {
            "after_submit": None, "shipping_address": None, "submit": None, "terms_of_service_acceptance": None,
        },
        "customer": None, "customer_account": None, "customer_creation": None, "customer_details": None,
        "customer_email": None, "discounts": None, "excluded_payment_method_types": None, "expires_at": created + 86400,
        "integration_identifier": None, "invoice": None, "invoice_creation": None, "livemode": False, "locale": None,
        "managed_payments": None, "metadata": {}, "mode": "payment", "name_collection": None, "optional_items": None,
        "origin_context": None, "payment_intent": None, "payment_link": None, "payment_method_collection": None,
        "payment_method_configuration_details": None, "payment_method_options": {}, "payment_method_types": [],
        "payment_status": "unpaid", "permissions": None, "phone_number_collection": {"enabled": False},
        "presentment_details": None, "recovered_from": None, "redirect_on_completion": None, "return_url": None,
        "saved_payment_method_options": None, "setup_intent": None, "shipping_address_collection": None,
        "shipping_cost": None, "shipping_options": [], "status": "open", "submit_type": None, "subscription": None,
        "success_url": None, "tax_id_collection": None, "total_details": None, "ui_mode": "hosted_page", "url": None,
        "wallet_options": None,
    } | said  # fmt: skip


def payment_intent(ident: str, created: int, **said: Any) -> Thing:
    return {
        "id": ident, "object": "payment_intent", "allowed_payment_method_types": None, "amount": 0,
        "amount_capturable": 0, "amount_details": {"tip": {}}, "amount_received": 0, "application": None,
        "application_fee_amount": None, "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
        "canceled_at": None, "cancellation_reason": None, "capture_method": "automatic_async",
        "client_secret": f"{ident}_secret_simulated", "confirmation_method": "automatic", "created": created,
        "currency": "eur", "customer": None, "customer_account": None, "description": None,
        "excluded_payment_method_types": None, "last_payment_error": None, "latest_charge": None, "livemode": False,
        "managed_payments": None, "metadata": {}, "next_action": None, "on_behalf_of": None, "payment_method": None,
        "payment_method_configuration_details": None, "payment_method_options": {}, "payment_method_types": [],
        "payment_record": None, "presentment_details": None, "processing": None, "receipt_email": None, "review": None,
        "setup_future_usage": None, "shipping": None, "source": None, "statement_descriptor": None,
        "statement_descriptor_suffix": None, "status": "requires_payment_method", "transfer_data": None,
        "transfer_group": None,
    } | said  # fmt: skip


def setup_intent(ident: str, created: int, **said: Any) -> Thing:
    return {
        "id": ident, "object": "setup_intent", "allowed_payment_method_types": None, "application": None,
        "automatic_payment_methods": None, "cancellation_reason": None,
        "client_secret": f"{ident}_secret_simulated", "created": created, "customer": None, "customer_account": None,
        "description": None, "excluded_payment_method_types": None, "flow_directions": None, "last_setup_error": None,
        "latest_attempt": None, "livemode": False, "managed_payments": None, "mandate": None, "metadata": {},
        "next_action": None, "on_behalf_of": None, "payment_method": None,
        "payment_method_configuration_details": None, "payment_method_options": {}, "payment_method_types": [],
        "single_use_mandate": None, "status": "requires_payment_method", "usage": "off_session",
    } | said  # fmt: skip


def setup_attempt(ident: str, created: int, **said: Any) -> Thing:
    return {
        "id": ident, "object": "setup_attempt", "application": None, "created": created, "customer": None,
        "customer_account": None, "flow_directions": None, "livemode": False, "on_behalf_of": None,
        "payment_method": "", "payment_method_details": {"type": "card", "card": {}}, "setup_error": None,
        "setup_intent": "", "status": "succeeded", "usage": "off_session",
    } | said  # fmt: skip


def charge(ident: str, created: int, **said: Any) -> Thing:
    return {
        "id": ident, "object": "charge", "amount": 0, "amount_captured": 0, "amount_refunded": 0, "application": None,
        "application_fee": None, "application_fee_amount": None, "balance_transaction": None,
        "billing_details": nobody(), "calculated_statement_descriptor": None, "captured": False, "created": created,
        "currency": "eur", "customer": None, "description": None, "disputed": False,
        "failure_balance_transaction": None, "failure_code": None, "failure_message": None, "fraud_details": {},
        "livemode": False, "metadata": {}, "on_behalf_of": None, "outcome": None, "paid": False,
        "payment_intent": None, "payment_method": None, "payment_method_details": None, "receipt_email": None,
        "receipt_number": None, "receipt_url": None, "refunded": False, "review": None, "shipping": None,
        "source": None, "source_transfer": None, "statement_descriptor": None, "statement_descriptor_suffix": None,
        "status": "pending", "transfer_data": None, "transfer_group": None,
    } | said  # fmt: skip


def balance_transaction(ident: str, created: int, *, amount: int, fee: int, **said: Any) -> Thing:
    return {
        "id": ident, "object": "balance_transaction", "amount": amount, "available_on": created + 172800,
        "balance_type": "payments", "created": created, "currency": "eur", "description": None, "exchange_rate": None,
        "fee": fee, "fee_details": [], "net": amount - fee, "reporting_category": "charge", "source": None,
        "status": "pending", "type": "charge",
    } | said  # fmt: skip


def refund(ident: str, created: int, **said: Any) -> Thing:
    return {
        "id": ident, "object": "refund", "amount": 0, "balance_transaction": None, "charge": None, "created": created,
        "currency": "eur", "customer": None, "customer_account": None, "destination_details": None, "metadata": {},
        "payment_intent": None, "payment_method": None, "reason": None, "receipt_number": None,
        "source_transfer_reversal": None, "status": "pending", "transfer_reversal": None,
    } | said  # fmt: skip


def dispute(ident: str, created: int, **said: Any) -> Thing:
    proof = (
        "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal"
        " customer_communication customer_email_address customer_name customer_purchase_ip customer_signature"
        " duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id product_description receipt"
        " refund_policy refund_policy_disclosure refund_refusal_explanation service_date service_documentation"
        " shipping_address shipping_carrier shipping_date shipping_documentation shipping_tracking_number"
        " uncategorized_file uncategorized_text"
    )
    return {
        "id": ident, "object": "dispute", "amount": 0, "balance_transactions": [], "charge": "", "created": created,
        "currency": "eur", "enhanced_eligibility_types": [],
        "evidence": dict.fromkeys(proof.split()) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": created + 604800, "enhanced_eligibility": {}, "has_evidence": False, "past_due": False,
            "submission_count": 0, "submission_method": "not_submitted",
        },
        "is_charge_refundable": False, "livemode": False, "metadata": {}, "payment_intent": None,
        "payment_method_details": None, "reason": "general", "status": "needs_response",
    } | said  # fmt: skip


def customer(ident: str, created: int, **said: Any) -> Thing:
    return {
        "id": ident, "object": "customer", "address": None, "balance": 0, "created": created, "currency": None,
        "customer_account": None, "default_source": None, "delinquent": False, "description": None, "discount": None,
        "email": None, "invoice_prefix": None,
        "invoice_settings": {
            "custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None,
        },
        "livemode": False, "metadata": {}, "name": None, "next_invoice_sequence": 1, "phone": None,
        "preferred_locales": [], "shipping": None, "tax_exempt": "none", "test_clock": None,
    } | said  # fmt: skip


def payment_method(ident: str, created: int, kind: str, **said: Any) -> Thing:
    return {
        "id": ident, "object": "payment_method", "allow_redisplay": "unspecified", "billing_details": nobody(),
        "created": created, "customer": None, "customer_account": None, "livemode": False, "metadata": {},
        "type": kind, kind: _kept(kind),
    } | said  # fmt: skip


def mandate(ident: str, method: str, reference: str, accepted_at: int) -> Thing:
    return {
        "id": ident, "object": "mandate",
        "customer_acceptance": {
            "accepted_at": accepted_at, "type": "online",
            "online": {"ip_address": "192.0.2.1", "user_agent": "simulated"},
        },
        "livemode": False, "multi_use": {}, "payment_method": method,
        "payment_method_details": {
            "type": "sepa_debit",
            "sepa_debit": {"reference": reference, "url": "https://stripe.example/mandate"},
        },
        "status": "active", "type": "multi_use",
    }  # fmt: skip


def event(ident: str, created: int, kind: str, about: Thing, key: str | None) -> Thing:
    return {
        "id": ident, "object": "event", "api_version": API_VERSION, "created": created, "data": {"object": about},
        "livemode": False, "pending_webhooks": 1, "request": {"id": None, "idempotency_key": key}, "type": kind,
    }  # fmt: skip


def _kept(kind: str) -> Thing:
    """What a payment method of this kind tells of itself."""
    if kind == "card":
        return {
            "brand": BRAND, "checks": None, "country": "NL", "display_brand": BRAND, "exp_month": EXPIRES[0],
            "exp_year": EXPIRES[1], "fingerprint": "simulated", "funding": "debit", "generated_from": None,
            "last4": LAST4, "networks": None, "regulated_status": None, "three_d_secure_usage": {"supported": True},
            "wallet": None,
        }  # fmt: skip
    if kind == "sepa_debit":
        return _debit() | {"generated_from": {"charge": None, "setup_attempt": None}}
    if kind == "ideal":
        return {"bank": "ing", "bic": "INGBNL2A"}
    return {"country": "NL", "payer_email": None, "payer_id": None} if kind == "paypal" else {}


def paid_with(kind: str, *, setup: bool = False) -> Thing:
    """The ``payment_method_details`` of a charge, or of a setup attempt."""
    detail: Thing = {}
    if kind == "card":
        detail = {
            "brand": BRAND, "checks": None, "country": "NL", "exp_month": EXPIRES[0], "exp_year": EXPIRES[1],
            "fingerprint": "simulated", "funding": "debit", "last4": LAST4, "network": BRAND, "three_d_secure": None,
            "wallet": None,
        }  # fmt: skip
        if not setup:
            detail |= {"amount_authorized": None, "authorization_code": None, "installments": None, "mandate": None}
    elif kind == "sepa_debit" and not setup:
        detail = _debit() | {"expected_debit_date": None, "mandate": None}
    elif kind in ("ideal", "bancontact"):
        detail = {"bic": None, "generated_sepa_debit": None, "generated_sepa_debit_mandate": None}
        detail |= {"iban_last4": "4300", "verified_name": "A. Donor"}
        detail |= (
            {"bank": "ing"}
            if kind == "ideal"
            else {"bank_code": "VAPE", "bank_name": "VAN DE PUT", "preferred_language": "nl"}
        )
        if kind == "ideal" and not setup:
            detail["transaction_id"] = None
    elif kind == "paypal" and not setup:
        detail = {"country": "NL", "payer_email": None, "payer_id": None, "payer_name": None}
        detail |= {"seller_protection": None, "transaction_id": None}
    return {"type": kind, kind: detail}


def _debit() -> Thing:
    return {"bank_code": "INGB", "branch_code": "", "country": "NL", "fingerprint": "simulated", "last4": "4300"}
