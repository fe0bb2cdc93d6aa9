"""What a spreadsheet would run as a formula, and how a cell is kept from it."""

from __future__ import annotations

# A cell that begins with one of these is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def harmless(cell: str) -> str:
    """The cell as a spreadsheet shows it as text, whatever somebody typed into a form."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
