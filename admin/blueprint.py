"""The one blueprint of the screens. Pages hang their routes on it; `Admin` registers it under its prefix."""

from __future__ import annotations

from flask import Blueprint

NAME = "achterban_admin"

bp = Blueprint(NAME, "admin", template_folder="templates", static_folder="static", static_url_path="/static")
