"""The commands of the campaigns: ``achterban campaign`` and ``achterban petitions``."""

from __future__ import annotations

from campaigns.cli import campaign, petitions

__all__ = ["campaign", "groups", "petitions"]

groups = (campaign.commands, petitions.commands)
