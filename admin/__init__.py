"""The fundraisers' screens: ``Admin(app, db)`` on a site, ``create_app()`` on their own."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from admin.app import Admin as Admin
    from admin.app import create_app as create_app

__all__ = ["Admin", "create_app"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("admin.app"), name)
