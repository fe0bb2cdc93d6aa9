"""achterban: the supporters of a charity, their promises and their money.

The public names load on first use, so that a program that only writes a collection file does not pay for the rest.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supporters.public import (
        AchterbanError as AchterbanError,
    )
    from supporters.public import (
        Actor as Actor,
    )
    from supporters.public import (
        Address as Address,
    )
    from supporters.public import (
        Announcement as Announcement,
    )
    from supporters.public import (
        AuditEntry as AuditEntry,
    )
    from supporters.public import (
        BadInput as BadInput,
    )
    from supporters.public import (
        BankAccount as BankAccount,
    )
    from supporters.public import (
        BankAnswer as BankAnswer,
    )
    from supporters.public import (
        Base as Base,
    )
    from supporters.public import (
        Checkout as Checkout,
    )
    from supporters.public import (
        CollectionBatch as CollectionBatch,
    )
    from supporters.public import (
        CollectionFile as CollectionFile,
    )
    from supporters.public import (
        Commitment as Commitment,
    )
    from supporters.public import (
        Consent as Consent,
    )
    from supporters.public import (
        ConsentText as ConsentText,
    )
    from supporters.public import (
        ContactPoint as ContactPoint,
    )
    from supporters.public import (
        CreditorAccount as CreditorAccount,
    )
    from supporters.public import (
        Death as Death,
    )
    from supporters.public import (
        Designation as Designation,
    )
    from supporters.public import (
        Document as Document,
    )
    from supporters.public import (
        ExternalReference as ExternalReference,
    )
    from supporters.public import (
        FinancialYear as FinancialYear,
    )
    from supporters.public import (
        Fund as Fund,
    )
    from supporters.public import (
        GatewayCall as GatewayCall,
    )
    from supporters.public import (
        GatewayMandate as GatewayMandate,
    )
    from supporters.public import (
        Gift as Gift,
    )
    from supporters.public import (
        Household as Household,
    )
    from supporters.public import (
        HouseholdMember as HouseholdMember,
    )
    from supporters.public import (
        Instalment as Instalment,
    )
    from supporters.public import (
        Mandate as Mandate,
    )
    from supporters.public import (
        MandateAmendment as MandateAmendment,
    )
    from supporters.public import (
        Money as Money,
    )
    from supporters.public import (
        NotAllowed as NotAllowed,
    )
    from supporters.public import (
        NotFound as NotFound,
    )
    from supporters.public import (
        Notification as Notification,
    )
    from supporters.public import (
        OnlinePayment as OnlinePayment,
    )
    from supporters.public import (
        OutboxMessage as OutboxMessage,
    )
    from supporters.public import (
        Pause as Pause,
    )
    from supporters.public import (
        Payment as Payment,
    )
    from supporters.public import (
        PaymentFact as PaymentFact,
    )
    from supporters.public import (
        Refund as Refund,
    )
    from supporters.public import (
        Refused as Refused,
    )
    from supporters.public import (
        Returned as Returned,
    )
    from supporters.public import (
        Reversal as Reversal,
    )
    from supporters.public import (
        SoftCredit as SoftCredit,
    )
    from supporters.public import (
        Supporter as Supporter,
    )
    from supporters.public import (
        Supporters as Supporters,
    )
    from supporters.public import (
        Task as Task,
    )
    from supporters.public import (
        Term as Term,
    )
    from supporters.public import (
        may_contact as may_contact,
    )
    from supporters.public import (
        search as search,
    )

__all__ = [
    "AchterbanError",
    "Actor",
    "Address",
    "Announcement",
    "AuditEntry",
    "BadInput",
    "BankAccount",
    "BankAnswer",
    "Base",
    "Checkout",
    "CollectionBatch",
    "CollectionFile",
    "Commitment",
    "Consent",
    "ConsentText",
    "ContactPoint",
    "CreditorAccount",
    "Death",
    "Designation",
    "Document",
    "ExternalReference",
    "FinancialYear",
    "Fund",
    "GatewayCall",
    "GatewayMandate",
    "Gift",
    "Household",
    "HouseholdMember",
    "Instalment",
    "Mandate",
    "MandateAmendment",
    "Money",
    "NotAllowed",
    "NotFound",
    "Notification",
    "OnlinePayment",
    "OutboxMessage",
    "Pause",
    "Payment",
    "PaymentFact",
    "Refund",
    "Refused",
    "Returned",
    "Reversal",
    "SoftCredit",
    "Supporter",
    "Supporters",
    "Task",
    "Term",
    "may_contact",
    "search",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module("supporters.public"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
