"""The files of others are the ones their makers published."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import admin

VENDOR = Path(admin.__file__).parent / "static" / "vendor"


def test_every_vendored_file_has_the_hash_it_was_taken_in_with():
    packages = json.loads((VENDOR / "vendor.json").read_text())
    listed = {name: digest for package in packages for name, digest in package["files"].items()}
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in VENDOR.iterdir() if p.name != "vendor.json"}
    assert found == listed


def test_every_vendored_package_says_its_version_licence_and_source():
    for package in json.loads((VENDOR / "vendor.json").read_text()):
        assert package["version"] in package["source"]
        assert package["licence"] in ("MIT", "0BSD")
        assert any(name.endswith(".LICENSE") for name in package["files"])
