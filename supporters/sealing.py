"""Personal data that can wait is sealed; addresses are told apart by a keyed hash; links carry signed numbers.

Two secrets that never meet: the *keys* seal (AES-GCM) and can be replaced; the *pepper* makes hashes and tokens and
stays for ever, because every stored hash would lose its meaning with it. A database has one keyring: see :func:`use`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import date
from weakref import WeakKeyDictionary

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from supporters.errors import BadInput, NotFound

_VERSION = b"\x01"
_FINGERPRINT, _NONCE, _TAG = 4, 12, 16
_NUMBER = 8  # bytes of a number in a token


class Keyring:
    """``keys`` are 32 bytes each: the first seals, all of them open. ``pepper`` is at least 32 bytes."""

    def __init__(self, keys: Sequence[bytes], pepper: bytes) -> None:
        if not keys or any(len(key) != 32 for key in keys) or len(pepper) < 32 or pepper in keys:
            raise BadInput("A keyring takes keys of 32 bytes and a pepper of its own, of at least 32 bytes.")
        self._boxes = {hashlib.sha256(key).digest()[:_FINGERPRINT]: AESGCM(key) for key in keys}
        self._current = next(iter(self._boxes))
        self._pepper = pepper
        self._derived: dict[str, bytes] = {}

    @classmethod
    def generate(cls) -> Keyring:
        return cls([secrets.token_bytes(32)], secrets.token_bytes(32))

    @staticmethod
    def new_secret() -> str:
        """A key or a pepper, as the settings take it."""
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()

    @classmethod
    def read(cls, keys: str, pepper: str) -> Keyring:
        """From base64 texts, several keys separated by commas: as ``achterban keys make`` prints them."""
        try:
            raw = [base64.urlsafe_b64decode(key.strip()) for key in keys.split(",") if key.strip()]
            return cls(raw, base64.urlsafe_b64decode(pepper.strip()))
        except (binascii.Error, ValueError) as error:
            raise BadInput(
                "The keys and the pepper are 32 random bytes each in base64; make them with: achterban keys make",
                field="keys",
            ) from error

    # -- sealing --------------------------------------------------------------------------------------------

    def seal(self, text: str, purpose: str) -> bytes:
        """``purpose`` has to be given again to open it: what was sealed as a name does not open as an address."""
        nonce = secrets.token_bytes(_NONCE)
        sealed = self._boxes[self._current].encrypt(nonce, text.encode(), purpose.encode())
        return _VERSION + self._current + nonce + sealed

    def open(self, sealed: bytes, purpose: str) -> str:
        """Raises ValueError where no key opens it, or it was sealed for something else."""
        box = self._boxes.get(sealed[1 : 1 + _FINGERPRINT])
        if sealed[:1] != _VERSION or box is None:
            raise ValueError("this was sealed with a key that is not on the keyring")
        start = 1 + _FINGERPRINT + _NONCE
        try:
            return box.decrypt(sealed[1 + _FINGERPRINT : start], sealed[start:], purpose.encode()).decode()
        except InvalidTag:
            raise ValueError(f"this was not sealed as {purpose!r}, or it was changed since") from None

    def is_current(self, sealed: bytes) -> bool:
        return sealed[1 : 1 + _FINGERPRINT] == self._current

    # -- telling apart ----------------------------------------------------------------------------------------

    def hash(self, purpose: str, text: str, size: int = 32) -> bytes:
        """The same text gives the same bytes for ever, and tells nobody without the pepper what it was."""
        return hmac.digest(self._derive(purpose), text.encode(), "sha256")[:size]

    def network_hash(self, network: str, on: date) -> bytes:
        """16 bytes that tell a network from others on one day, and nothing the day after."""
        return self.hash(f"network {on.isoformat()}", network, 16)

    # -- tokens -----------------------------------------------------------------------------------------------

    def token(self, purpose: str, *numbers: int) -> str:
        """For a link: numbers that nobody else can make up. The same numbers give the same token."""
        body = b"".join(number.to_bytes(_NUMBER) for number in numbers)
        return base64.urlsafe_b64encode(body + self._sign(purpose, body)).decode().rstrip("=")

    def read_token(self, purpose: str, token: str) -> tuple[int, ...]:
        """The numbers in it; raises NotFound where it is not ours, or was made for something else."""
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)) if len(token) < 200 else b""
        except (binascii.Error, ValueError):
            raw = b""
        body, signature = raw[:-_TAG], raw[-_TAG:]
        if not body or len(body) % _NUMBER or not hmac.compare_digest(signature, self._sign(purpose, body)):
            raise NotFound("This link is not complete. Copy it from the message once more, whole.", field="token")
        return tuple(int.from_bytes(body[at : at + _NUMBER]) for at in range(0, len(body), _NUMBER))

    def _sign(self, purpose: str, body: bytes) -> bytes:
        return hmac.digest(self._derive(f"token {purpose}"), body, "sha256")[:_TAG]

    def _derive(self, purpose: str) -> bytes:
        if (known := self._derived.get(purpose)) is None:
            if len(self._derived) > 1_000:  # a day's network key each day, for a process that lives for years
                self._derived.clear()
            known = self._derived[purpose] = hmac.digest(self._pepper, purpose.encode(), "sha256")
        return known


_keyrings: WeakKeyDictionary[Engine, Keyring] = WeakKeyDictionary()


def use(engine: Engine, keyring: Keyring) -> None:
    """This database's secrets. ``Supporters(app, db)`` does it; a program without Flask does it once itself."""
    _keyrings[engine] = keyring


def keyring(session: Session) -> Keyring:
    """The keyring of the session's database."""
    return of(session.get_bind().engine)


def of(engine: Engine) -> Keyring:
    """The keyring of a database."""
    found = _keyrings.get(engine)
    if found is None:
        raise RuntimeError("this database has no keyring yet: call supporters.sealing.use(engine, Keyring.read(…))")
    return found
