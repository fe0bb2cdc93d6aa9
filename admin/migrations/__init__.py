"""The revisions of the admin's own tables: who signs in, and with which role."""

from pathlib import Path

import admin.uploads
import admin.users  # noqa: F401  (their tables are what the revisions make)
from supporters.migrations import register_location

register_location("admin", Path(__file__).parent / "versions")
