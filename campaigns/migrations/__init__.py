"""The revisions of the campaigns' own tables, a branch beside the supporters'."""

from pathlib import Path

from supporters.migrations import register_location

register_location("campaigns", Path(__file__).parent / "versions")
