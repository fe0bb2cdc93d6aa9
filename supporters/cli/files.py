"""Files that a command leaves on disk: whole or not at all, readable by their owner only, nothing overwritten."""

from __future__ import annotations

import csv
import hashlib
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from supporters.errors import BadInput, Refused
from supporters.spreadsheet import harmless


class NewFile:
    """A file that is written beside its place and takes it in one step: ``write…``, then ``put_in_place``.

    What is there already is only replaced by the same bytes, or where ``force`` says so.
    """

    def __init__(self, path: Path, *, force: bool = False) -> None:
        if not path.parent.is_dir():
            raise BadInput("There is no folder %(folder)s to write in.", field="output", folder=str(path.parent))
        self.path, self.force = path, force
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        os.close(handle)
        self._part = Path(name)

    def write(self, chunks: Iterable[bytes]) -> None:
        """Write and bring safely to disk; raises Refused where another file has this name."""
        with self._part.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        self._refuse_to_overwrite()

    def write_csv(self, header: Sequence[str], rows: Iterable[Mapping[str, str]]) -> int:
        """Write rows for spreadsheets and mail merges; returns how many."""
        count = 0
        # The mark at the beginning tells Excel that this is UTF-8.
        with self._part.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            for row in rows:
                count += 1
                writer.writerow([harmless(row[name]) for name in header])
            file.flush()
            os.fsync(file.fileno())
        self._refuse_to_overwrite()
        return count

    def put_in_place(self) -> None:
        self._part.replace(self.path)
        _sync_folder(self.path.parent)

    def discard(self) -> None:
        """Remove what was not put in place."""
        self._part.unlink(missing_ok=True)

    def _refuse_to_overwrite(self) -> None:
        if self.force or not self.path.exists():
            return
        if self.path.is_file() and _sha256(self.path) == _sha256(self._part):
            return
        raise Refused(
            "%(path)s exists already and is another file; choose another name, or add --force to replace it.",
            field="output", path=str(self.path),
        )  # fmt: skip


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder, and needs no such call.
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
