"""What we ask of people: campaigns and crowdfunding and what they brought in, petitions and who signed them."""

from campaigns.campaign import Campaign, Income
from campaigns.credit import Credit
from campaigns.crowdfunding.counter import Counter, CounterEntry
from campaigns.crowdfunding.match import Match, MatchedGift
from campaigns.crowdfunding.offline import OfflineMoney
from campaigns.crowdfunding.page import FundraisingPage, Team
from campaigns.crowdfunding.report import Account
from campaigns.crowdfunding.update import EditionUpdate
from campaigns.crowdfunding.wall import WallPost
from campaigns.edition import Edition, Goal
from campaigns.extension import Campaigns
from campaigns.petitions.form import SignatureForm
from campaigns.petitions.handover import Handover
from campaigns.petitions.offline import OfflineCount
from campaigns.petitions.petition import Petition
from campaigns.petitions.removal import Criteria, RemovalRun
from campaigns.petitions.signature import Signature
from campaigns.petitions.tally import Count, Tally
from campaigns.petitions.update import PetitionUpdate
from campaigns.placement import Placement

__all__ = [
    "Account",
    "Campaign",
    "Campaigns",
    "Count",
    "Counter",
    "CounterEntry",
    "Credit",
    "Criteria",
    "Edition",
    "EditionUpdate",
    "FundraisingPage",
    "Goal",
    "Handover",
    "Income",
    "Match",
    "MatchedGift",
    "OfflineCount",
    "OfflineMoney",
    "Petition",
    "PetitionUpdate",
    "Placement",
    "RemovalRun",
    "Signature",
    "SignatureForm",
    "Tally",
    "Team",
    "WallPost",
]
