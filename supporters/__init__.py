"""achterban: the supporters of a charity, their promises and their money."""

from supporters.actor import Actor
from supporters.audit import AuditEntry
from supporters.db import Base
from supporters.documents import Document
from supporters.errors import AchterbanError, BadInput, NotAllowed, NotFound, Refused
from supporters.extension import Supporters
from supporters.giving.commitment import Commitment
from supporters.giving.fund import Fund
from supporters.giving.gift import Designation, Gift, Reversal, SoftCredit
from supporters.giving.instalment import Instalment
from supporters.giving.mandate import Mandate, MandateAmendment
from supporters.giving.pause import Pause
from supporters.giving.term import Term
from supporters.giving.year import FinancialYear
from supporters.lifecycle.death import Death
from supporters.money import Money
from supporters.payments.payment import Payment
from supporters.payments.sepa.account import CreditorAccount
from supporters.payments.sepa.announcement import Announcement
from supporters.payments.sepa import withdrawal as withdrawal  # its hooks register on import
from supporters.payments.sepa.batch import CollectionBatch, CollectionFile
from supporters.people.bank_account import BankAccount
from supporters.people.contact import Address, ContactPoint
from supporters.people.household import Household, HouseholdMember
from supporters.people.reference import ExternalReference
from supporters.people.search import search
from supporters.people.supporter import Supporter
from supporters.tasks import Task

__all__ = [
    "AchterbanError",
    "Actor",
    "Address",
    "Announcement",
    "AuditEntry",
    "BadInput",
    "BankAccount",
    "Base",
    "CollectionBatch",
    "CollectionFile",
    "Commitment",
    "ContactPoint",
    "CreditorAccount",
    "Death",
    "Designation",
    "Document",
    "ExternalReference",
    "FinancialYear",
    "Fund",
    "Gift",
    "Household",
    "HouseholdMember",
    "Instalment",
    "Mandate",
    "MandateAmendment",
    "Money",
    "NotAllowed",
    "NotFound",
    "Pause",
    "Payment",
    "Refused",
    "Reversal",
    "SoftCredit",
    "Supporter",
    "Supporters",
    "Task",
    "Term",
    "search",
]
