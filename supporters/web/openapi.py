"""The document of the HTTP API, at ``/api/openapi.json``: each floor adds its own paths."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_smorest import Api, Blueprint


class Document(Api):  # type: ignore[misc]
    """Documents and routes; leaves a site's own error pages alone."""

    def _register_error_handlers(self) -> None:
        """Ours answer in their own blueprints."""


def init_app(app: Flask) -> None:
    """Serve the document. Its settings are ``SUPPORTERS_API_…``, so a site may have an API of its own beside it."""
    if "achterban_api" in app.extensions:
        return
    defaults = {
        "API_TITLE": "achterban", "API_VERSION": "1", "OPENAPI_VERSION": "3.1.0", "OPENAPI_URL_PREFIX": "/api",
        "OPENAPI_JSON_PATH": "openapi.json",
    }  # fmt: skip
    for key, value in defaults.items():
        app.config.setdefault(f"SUPPORTERS_{key}", value)
    app.extensions["achterban_api"] = Document(app, config_prefix="SUPPORTERS")
    for endpoint, function in app.view_functions.items():
        if endpoint.endswith(".openapi_json"):
            function.__dict__["public"] = True


def add(app: Flask, blueprint: Blueprint, **options: Any) -> None:
    """Route these views and put them in the document."""
    init_app(app)
    app.extensions["achterban_api"].register_blueprint(blueprint, **options)
