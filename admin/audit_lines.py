"""What a line of the audit log says, as a sentence for people."""

from __future__ import annotations

from typing import Any

from admin.i18n import gettext as _
from admin.i18n import lazy
from admin.kit.lists import listings
from admin.labels import label
from supporters import AuditEntry
from supporters.people.contact import KINDS

#: By verb and noun; see ``sentence`` for the few that have a part in them.
SENTENCES: dict[tuple[str, str], Any] = {
    ("welcome", "supporter"): lazy("Became known to us"),
    ("rename", "supporter"): lazy("Name or personal details changed"),
    ("join", "household"): lazy("Became part of a household"),
    ("leave", "household"): lazy("Left a household"),
    ("start", "commitment"): lazy("Commitment started"),
    ("change", "commitment"): lazy("Commitment changed"),
    ("pause", "commitment"): lazy("Commitment paused"),
    ("resume", "commitment"): lazy("Commitment resumed"),
    ("skip", "commitment"): lazy("One instalment skipped"),
    ("stop", "commitment"): lazy("Commitment stopped"),
    ("ask_again", "commitment"): lazy("Instalment asked for again"),
    ("use_mandate", "commitment"): lazy("Commitment got another mandate"),
    ("send_link", "commitment"): lazy("Link to pay or renew sent"),
    ("import", "commitment"): lazy("Commitments imported"),
    ("charge_on", "commitment"): lazy("Commitment collected online from now on"),
    ("sign", "mandate"): lazy("Mandate signed"),
    ("cancel", "mandate"): lazy("Mandate ended"),
    ("change_account", "mandate"): lazy("Mandate moved to another IBAN"),
    ("end", "gateway_mandate"): lazy("Online mandate ended"),
    ("note", "gateway_mandate"): lazy("News about an online mandate"),
    ("report", "death"): lazy("Death reported"),
    ("undo", "death"): lazy("Report of death undone"),
    ("book", "gift"): lazy("Gift booked"),
    ("reverse", "gift"): lazy("Gift went back"),
    ("thank", "gift"): lazy("Giver thanked"),
    ("soft_credit", "gift"): lazy("Credited for someone's gift"),
    ("reallocate", "gift"): lazy("Gift moved to another fund"),
    ("reinstate", "gift"): lazy("What had gone back came in again"),
    ("export_again", "collection_batch"): lazy("Collection downloaded again"),
    ("prepare", "collection_batch"): lazy("Collection prepared"),
    ("withdraw", "collection_batch"): lazy("Lines taken out of a collection"),
    ("approve", "collection_batch"): lazy("Collection approved"),
    ("export", "collection_batch"): lazy("Collection downloaded"),
    ("book", "collection_batch"): lazy("Collection booked"),
    ("cancel", "collection_batch"): lazy("Collection cancelled"),
    ("announce", "announcement"): lazy("Amounts announced"),
    ("return", "payment"): lazy("Payment came back"),
    ("fail", "payment"): lazy("Payment failed"),
    ("act", "returned"): lazy("Something done about a debit that came back"),
    ("learn", "returned"): lazy("The reason of a debit that came back became known"),
    ("park", "online_payment"): lazy("Online payment set aside to look at"),
    ("never_made", "online_payment"): lazy("Online payment set down as never made"),
    ("reconsider", "online_payment"): lazy("Online payment that did not fit looked at again"),
    ("look", "online_payment"): lazy("Looked at the gateway"),
    ("replay", "notification"): lazy("Looked at news of the gateway again"),
    ("request", "refund"): lazy("Refund asked for"),
    ("approve", "refund"): lazy("Refund approved"),
    ("cancel", "refund"): lazy("Refund cancelled"),
    ("close", "financial_year"): lazy("Year closed"),
    ("open", "fund"): lazy("Fund opened"),
    ("edit", "fund"): lazy("Fund changed"),
    ("open", "creditor_account"): lazy("Account to collect on opened"),
    ("edit", "creditor_account"): lazy("Account to collect on changed"),
    ("open", "campaign"): lazy("Campaign opened"),
    ("close", "campaign"): lazy("Campaign closed"),
    ("release_all", "petition"): lazy("Signatures released from quarantine"),
    ("draft", "petition"): lazy("Petition drafted"),
    ("edit", "petition"): lazy("Petition changed"),
    ("open", "petition"): lazy("Petition opened"),
    ("close", "petition"): lazy("Petition closed"),
    ("word", "petition"): lazy("Consent texts of a petition set"),
    ("export", "petition"): lazy("Signers of a petition exported"),
    ("erase_part", "petition"): lazy("Some of a petition's personal data erased"),
    ("erase", "petition"): lazy("The last of a petition's personal data erased, with its certificate"),
    ("write", "petition_update"): lazy("Update about a petition written"),
    ("edit", "petition_update"): lazy("Update about a petition changed"),
    ("send", "petition_update"): lazy("Update about a petition sent"),
    ("count", "offline_count"): lazy("Signatures on paper counted"),
    ("see", "offline_count"): lazy("Scan of a paper sheet looked at"),
    ("withdraw", "offline_count"): lazy("Count on paper withdrawn"),
    ("approve", "publication"): lazy("Name shown with a petition"),
    ("redact", "publication"): lazy("Name shown with a petition, with something taken out"),
    ("reject", "publication"): lazy("Name not shown with a petition"),
    ("unpublish", "publication"): lazy("Name taken off a petition's page"),
    ("reconsider", "publication"): lazy("Decision about a name undone"),
    ("release", "signature"): lazy("Signature released from quarantine"),
    ("remove", "removal_run"): lazy("Signatures removed"),
    ("undo_remove", "removal_run"): lazy("Removal of signatures undone"),
    ("allow_network", "network_rule"): lazy("Network allowed"),
    ("block_network", "network_rule"): lazy("Network blocked"),
    ("remove_network", "network_rule"): lazy("Network forgotten"),
    ("make", "handover"): lazy("Hand-over made"),
    ("download", "handover"): lazy("Hand-over downloaded"),
    ("hand_over", "handover"): lazy("Petition handed over"),
    ("see", "data_request"): lazy("Looked up what is held about an address"),
    ("erase", "data_request"): lazy("Erased what was held about an address"),
    ("import", "supporters"): lazy("Supporters imported"),
    ("import", "commitments"): lazy("Commitments imported"),
    ("import", "gifts"): lazy("Gifts imported"),
    ("remove", "upload"): lazy("Uploaded file removed"),
    ("finish", "task"): lazy("Task done"),
    ("reopen", "task"): lazy("Task opened again"),
    ("sign_in", "user"): lazy("Signed in"),
    ("take_role", "user"): lazy("Got a role"),
    ("make_token", "user"): lazy("Token for the command line made"),
    ("choose_password", "user"): lazy("Password chosen"),
    ("make_password_link", "user"): lazy("Link to choose a password made"),
    ("close", "user"): lazy("Account closed"),
    ("open", "user"): lazy("Account opened again"),
    ("forget_second_step", "user"): lazy("Second step forgotten"),
    ("import", "bank_file"): lazy("File of the bank read in"),
    ("accept", "bank_statement"): lazy("Statement accepted though it does not add up"),
    ("book", "bank_lines"): lazy("Matched lines of the bank booked"),
    ("assign", "bank_line"): lazy("Booked as somebody's gift"),
    ("split", "bank_line"): lazy("Divided"),
    ("set_aside", "bank_line"): lazy("Set aside: not a gift"),
    ("accept", "bank_line"): lazy("What was proposed was confirmed"),
    ("tell_apart", "bank_line"): lazy("Said to be another payment than the line it looks like"),
    ("undo", "bank_line"): lazy("Taken back"),
    ("remember", "bank_account"): lazy("Account remembered from a line of the bank"),
    ("forget", "bank_account"): lazy("Account forgotten: the answer was taken back"),
    ("add", "our_account"): lazy("Bank account of ours added"),
    ("edit", "our_account"): lazy("Bank account of ours changed"),
    ("draft", "edition"): lazy("Edition drafted"),
    ("edit", "edition"): lazy("Edition changed"),
    ("aim", "edition"): lazy("Goal set"),
    ("drop", "edition"): lazy("Goal taken off a draft"),
    ("approve", "edition"): lazy("Edition approved"),
    ("launch", "edition"): lazy("Edition launched"),
    ("pause", "edition"): lazy("Edition paused"),
    ("resume", "edition"): lazy("Edition shown again"),
    ("end", "edition"): lazy("Edition ended"),
    ("settle", "edition"): lazy("Account of the edition made up"),
    ("report", "edition"): lazy("Account of the edition given to the public"),
    ("place", "placement"): lazy("Ad, spot or post noted"),
    ("change", "placement"): lazy("Ad, spot or post changed"),
    ("form", "team"): lazy("Team formed"),
    ("start", "fundraising_page"): lazy("Page of their own started"),
    ("write", "fundraising_page"): lazy("Page of their own changed"),
    ("join", "fundraising_page"): lazy("Page went to a team, or left one"),
    ("check", "fundraising_page"): lazy("Page of their own looked at"),
    ("forget", "fundraising_page"): lazy("What somebody wrote on their page erased"),
    ("send", "page_picture"): lazy("Picture for a page of their own sent"),
    ("show", "page_picture"): lazy("Picture shown on a page of their own"),
    ("refuse", "page_picture"): lazy("Picture for a page of their own refused"),
    ("take_away", "page_picture"): lazy("Picture taken off a page of their own"),
    ("promise", "match"): lazy("Sponsor's promise entered"),
    ("approve", "match"): lazy("Match announced"),
    ("end", "match"): lazy("Match ended"),
    ("lapse", "match"): lazy("Match lapsed: its condition was not met"),
    ("change", "match"): lazy("Size of the match changed"),
    ("receive", "match"): lazy("Sponsor's money came in"),
    ("see", "offline_money"): lazy("Document of offline money looked at"),
    ("enter", "offline_money"): lazy("Offline money entered"),
    ("count", "offline_money"): lazy("Offline money counted, as the second person"),
    ("meet", "offline_money"): lazy("Offline money came in"),
    ("withdraw", "offline_money"): lazy("Offline money taken off the counter"),
    ("credit", "gift"): lazy("Credited to an edition"),
    ("move", "credit"): lazy("Gift credited to another page"),
    ("begin", "demo"): lazy("Demo begun"),
    ("finish", "demo"): lazy("Demo finished"),
}


def describe(line: AuditEntry) -> str:
    """The sentence; what a later version or a site of its own wrote is shown in the words of the table."""
    if line.subject == "returned" and line.verb == "act" and line.detail:
        return _("About a debit that came back: %(action)s", action=label("return_action", line.detail.get("action")))
    return sentence(line.verb, line.subject) or f"{line.subject} {line.verb}".replace("_", " ")


def sentence(verb: str, subject: str) -> str | None:
    """In the reader's language; None where nobody wrote one."""
    if found := SENTENCES.get((verb, subject)):
        return str(found)
    if verb == "export":
        listing = listings.get(subject)
        return _("List exported: %(list)s", list=str(listing.title)) if listing else None
    done, _sep, kind = verb.partition("_")
    if subject == "supporter" and kind in KINDS and done in ("set", "drop"):
        what = label("contact", kind).lower()
        return _("New %(what)s", what=what) if done == "set" else _("No longer: %(what)s", what=what)
    return None
