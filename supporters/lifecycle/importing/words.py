"""The words that files have for the values of a fixed list, in Dutch and in English, folded."""

from __future__ import annotations


def _words(**meanings: str) -> dict[str, str]:
    """Each word → what it means; a meaning is a word for itself."""
    return {word: meaning for meaning, words in meanings.items() for word in (meaning, *words.split("|"))}


INTERVALS = _words(
    once="eenmalig|one-off|one off|0",
    month="monthly|maand|maandelijks|per maand|m|1",
    two_months="two months|twee maanden|tweemaandelijks|2",
    quarter="quarterly|kwartaal|per kwartaal|k|q|3",
    half_year="half-year|half year|halfyear|half-yearly|halfjaar|half jaar|halfjaarlijks|per halfjaar|6",
    year="yearly|annual|annually|jaar|jaarlijks|per jaar|j|y|12",
)
KINDS = _words(
    person="persoon|particulier|individual|natuurlijk persoon|p",
    organisation="organization|organisatie|bedrijf|company|stichting|vereniging|rechtspersoon|o",
)
GIFT_KINDS = _words(
    gift="donatie|donation",
    bequest="nalatenschap|legaat|erfenis|legacy",
    company="bedrijf|sponsoring",
    lottery="loterij",
    government="overheid|subsidie|grant",
    affiliate="verbonden organisatie",
    foundation="fonds|vermogensfonds|stichting",
    sale="verkoop",
)
FORMS = _words(
    mr="mr.|dhr|dhr.|de heer|heer|meneer", ms="ms.|mrs|mrs.|mevr|mevr.|mw|mw.|mevrouw", none="geen|onbekend|unknown|x"
)
LANGUAGES = _words(nl="nl-nl|nl_nl|nld|nederlands|dutch", en="en-gb|en_gb|en-us|en_us|eng|engels|english")
METHODS = _words(sepa="incasso|automatische incasso|direct debit", transfer="overboeking|bank transfer|standing order")
EVIDENCE = _words(
    paper="papier|op papier|handtekening",
    emandate="digitaal|emachtiging",
    first_payment="eerste betaling|first payment",
)
COUNTRIES = _words(
    NL="nederland|netherlands|the netherlands|holland",
    BE="belgie|belgium",
    DE="duitsland|germany|deutschland",
    FR="frankrijk|france",
    LU="luxemburg|luxembourg",
    GB="verenigd koninkrijk|united kingdom|great britain|engeland|uk",
    IE="ierland|ireland",
    ES="spanje|spain",
    PT="portugal",
    IT="italie|italy",
    CH="zwitserland|switzerland",
    AT="oostenrijk|austria",
    DK="denemarken|denmark",
    SE="zweden|sweden",
    NO="noorwegen|norway",
    PL="polen|poland",
    US="verenigde staten|united states|usa",
    CA="canada",
    AU="australie|australia",
    SR="suriname",
    CW="curacao",
    AW="aruba",
    TR="turkije|turkey",
    MA="marokko|morocco",
)
#: The first three letters of a month, in both languages.
MONTHS = {
    "jan": 1, "feb": 2, "mrt": 3, "maa": 3, "mar": 3, "apr": 4, "mei": 5, "may": 5, "jun": 6, "jul": 7, "aug": 8,
    "sep": 9, "okt": 10, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
