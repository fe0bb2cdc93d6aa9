"""Every public name in one module, and with it every model: what `supporters` hands out on first use."""

from supporters.actor import Actor as Actor
from supporters.audit import AuditEntry as AuditEntry
from supporters.db import Base as Base
from supporters.documents import Document as Document
from supporters.errors import AchterbanError as AchterbanError
from supporters.errors import BadInput as BadInput
from supporters.errors import NotAllowed as NotAllowed
from supporters.errors import NotFound as NotFound
from supporters.errors import Refused as Refused
from supporters.extension import Supporters as Supporters
from supporters.giving.commitment import Commitment as Commitment
from supporters.giving.fund import Fund as Fund
from supporters.giving.gateway_mandate import GatewayMandate as GatewayMandate
from supporters.giving.gift import Designation as Designation
from supporters.giving.gift import Gift as Gift
from supporters.giving.gift import Reversal as Reversal
from supporters.giving.gift import SoftCredit as SoftCredit
from supporters.giving.instalment import Instalment as Instalment
from supporters.giving.mandate import Mandate as Mandate
from supporters.giving.mandate import MandateAmendment as MandateAmendment
from supporters.giving.pause import Pause as Pause
from supporters.giving.term import Term as Term
from supporters.giving.year import FinancialYear as FinancialYear
from supporters.lifecycle.death import Death as Death
from supporters.mail.message import OutboxMessage as OutboxMessage
from supporters.money import Money as Money
from supporters.payments.online import charging as charging  # its hooks register on import
from supporters.payments.online.call import GatewayCall as GatewayCall
from supporters.payments.online.checkout import Checkout as Checkout
from supporters.payments.online.fact import PaymentFact as PaymentFact
from supporters.payments.online.inbox import Notification as Notification
from supporters.payments.online.payment import OnlinePayment as OnlinePayment
from supporters.payments.online.refund import Refund as Refund
from supporters.payments.payment import Payment as Payment
from supporters.payments.returns import holding as holding  # its hooks register on import
from supporters.payments.returns.answer import BankAnswer as BankAnswer
from supporters.payments.returns.returned import Returned as Returned
from supporters.payments.sepa import withdrawal as withdrawal  # its hooks register on import
from supporters.payments.sepa.account import CreditorAccount as CreditorAccount
from supporters.payments.sepa.announcement import Announcement as Announcement
from supporters.payments.sepa.batch import CollectionBatch as CollectionBatch
from supporters.payments.sepa.batch import CollectionFile as CollectionFile
from supporters.people.bank_account import BankAccount as BankAccount
from supporters.people.consent import Consent as Consent
from supporters.people.consent import ConsentText as ConsentText
from supporters.people.consent import may_contact as may_contact
from supporters.people.contact import Address as Address
from supporters.people.contact import ContactPoint as ContactPoint
from supporters.people.household import Household as Household
from supporters.people.household import HouseholdMember as HouseholdMember
from supporters.people.reference import ExternalReference as ExternalReference
from supporters.people.search import search as search
from supporters.people.supporter import Supporter as Supporter
from supporters.tasks import Task as Task
