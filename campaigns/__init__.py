"""What we ask of people: campaigns, and what they brought in."""

from campaigns.campaign import Campaign, Income
from campaigns.extension import Campaigns

__all__ = ["Campaign", "Campaigns", "Income"]
