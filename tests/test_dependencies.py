"""What the packages import is what setup.cfg asks for; nothing arrives by luck, through another library."""

from __future__ import annotations

import sys
from configparser import ConfigParser
from functools import cache
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.modules import PACKAGES, ROOT, imported_by, sources

# What a library that we do ask for hands out as part of its own interface: Flask its four, Flask-Security its
# current_user, Flask-Babel its locales. Asking for them again would be a second place to keep up to date.
HANDED_OUT = {"werkzeug", "jinja2", "markupsafe", "click", "flask_login", "babel"}


@cache
def declared() -> set[str]:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    extras = config["options.extras_require"]
    names = ("postgresql", "mollie", "stripe", "conformance")
    lines = "\n".join([config["options"]["install_requires"], *(extras[name] for name in names)])
    return {canonicalize_name(Requirement(line).name) for line in lines.split("\n") if line}


@cache
def distributions_of() -> dict[str, set[str]]:
    return {top: {canonicalize_name(one) for one in found} for top, found in packages_distributions().items()}


@pytest.mark.parametrize("module", sources())
def test_every_library_that_is_imported_is_asked_for(module: str) -> None:
    path = sources()[module]
    known = declared()
    unasked = set()
    for name in imported_by(path.read_text(), module, is_package=path.name == "__init__.py"):
        top = name.split(".")[0]
        if top in sys.stdlib_module_names or top in PACKAGES or top in HANDED_OUT:
            continue
        if not distributions_of().get(top, set()) & known:
            unasked.add(top)
    assert unasked == set()
