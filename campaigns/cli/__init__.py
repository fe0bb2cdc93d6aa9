"""The commands of the campaigns: ``achterban campaign``, ``edition`` and ``petitions``, and one report."""

from __future__ import annotations

from campaigns.cli import campaign, edition, petitions

__all__ = ["campaign", "edition", "groups", "petitions"]

groups = (campaign.commands, edition.commands, petitions.commands)
