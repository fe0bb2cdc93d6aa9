"""Dutch or English for visitors of the public pages of campaigns."""

from __future__ import annotations

from pathlib import Path

from supporters.web.language import LANGUAGES as LANGUAGES
from supporters.web.language import Language
from supporters.web.language import Reader as Reader

#: The catalogue of this package.
FOLDER = Path(__file__).parent.parent / "translations"
_petitions = Language(FOLDER, "achterban/petitions")
reader, shown = _petitions.reader, _petitions.shown
#: A page of crowdfunding.
shown_crowdfunding = Language(FOLDER, "achterban/crowdfunding").shown
