"""Somebody else's words, of which we may take things out and to which nobody adds."""

from __future__ import annotations

from supporters.errors import BadInput

#: What may stand where something was taken out.
MASKS = "…*█"


def shortened(field: str, sent: str, wanted: str) -> str:
    """``wanted`` where it is ``sent`` with pieces taken out or masked; raises BadInput where anything was put in."""
    wanted = "\n".join(" ".join(each.split()) for each in wanted.splitlines()).strip()
    left = iter("".join(sent.split()))
    kept = (character for character in wanted if not character.isspace() and character not in MASKS)
    if len(wanted) > len(sent) or not all(character in left for character in kept):
        raise BadInput("Only take things out, or put … in their place: these are somebody else's words.", field=field)
    return wanted
