"""What we ask of people: campaigns and what they brought in, petitions and who signed them."""

from campaigns.campaign import Campaign, Income
from campaigns.extension import Campaigns
from campaigns.petitions.form import SignatureForm
from campaigns.petitions.handover import Handover
from campaigns.petitions.offline import OfflineCount
from campaigns.petitions.petition import Petition
from campaigns.petitions.removal import Criteria, RemovalRun
from campaigns.petitions.signature import Signature
from campaigns.petitions.tally import Count, Tally
from campaigns.petitions.update import PetitionUpdate

__all__ = [
    "Campaign",
    "Campaigns",
    "Count",
    "Criteria",
    "Handover",
    "Income",
    "OfflineCount",
    "Petition",
    "PetitionUpdate",
    "RemovalRun",
    "Signature",
    "SignatureForm",
    "Tally",
]
