"""What the demo's petitions say, and the news their signers got."""

from __future__ import annotations

from datetime import date, datetime

from admin.demo.plan import at

PARDON = """\
Zij kwamen als kind of als jonge ouder. In 2007 kregen zij een verblijfsvergunning: het **generaal pardon**. Zij werken
in de zorg, rijden op de bus, geven les en brengen hun kinderen naar de training. Maar Nederlander mogen zij niet
worden, omdat hun land van herkomst geen geboorteakte of paspoort geeft.

Ruim tienduizend mensen leven zo al veertien jaar met een halve plek in ons land. Zij mogen niet stemmen, kunnen hun
zieke moeder niet bezoeken en zijn bij elke verlenging weer onzeker.

**Wij vragen de Tweede Kamer:**

- behandel de mensen met een pardonvergunning als andere mensen met een verblijfsvergunning;
- vraag hun geen documenten die niet te krijgen zijn;
- laat hen en hun kinderen Nederlander worden.

Zij horen er ook bij.
"""

AFGHANS = """\
De beelden van het vliegveld in Kabul laten niemand los. Tolken, journalisten, vrouwenrechtenactivisten en mensen die
voor Nederlandse organisaties werkten, lopen gevaar. Velen kwamen niet door de poort.

**Wij vragen de Tweede Kamer en het kabinet:**

- haal de mensen op die voor Nederland hebben gewerkt, ook nu de laatste vlucht is vertrokken;
- geef Afghanen die hier al zijn bescherming, en stuur niemand terug;
- herenig gezinnen die door de evacuatie uit elkaar raakten, snel en zonder papieren die er niet zijn;
- vang mensen op in de regio en neem zelf een eerlijk deel.

Bied Afghanen bescherming. Nu het er echt op aankomt.
"""

PUSHBACKS = """\
Aan de buitengrenzen van Europa worden mensen teruggeduwd: in zee, in een bos, zonder dat iemand naar hun verhaal
luistert. Dat mag niet. Wie bescherming vraagt, heeft recht op een eerlijke procedure.

**Wij vragen de minister** om pushbacks te veroordelen waar ze gebeuren, om onafhankelijk toezicht aan de grens te
eisen, en om geen Nederlandse steun te geven aan wie eraan meewerkt.
"""

SHELTER = """\
Opvang in een hal aan de snelweg maakt van buren vreemden. Waar twintig tot honderd mensen in een gewone wijk wonen,
gaan kinderen naar de school om de hoek en leren ouders de taal aan de keukentafel.

**Wij vragen alle gemeenteraden:** wijs in uw gemeente een plek aan voor kleine opvang, voor meer dan een paar maanden,
en betrek de buurt vanaf het begin.
"""

FAMILIES = """\
Wie gevlucht is, heeft recht op hereniging met zijn gezin. Toch wachten vaders, moeders en kinderen anderhalf jaar en
langer op een beslissing, en daarna nog maanden op een reis. Een kind dat zes was toen het afscheid nam, is dan acht.

**Wij vragen de staatssecretaris:**

- beslis binnen de wettelijke termijn van negen maanden;
- neem genoegen met de bewijzen die mensen wél kunnen geven;
- laat niemand wachten omdat er nog geen woning is.

Gezinnen horen samen.
"""

TAKING_PART = """\
Asielzoekers mogen maar een deel van het jaar werken en krijgen vaak geen taalles zolang zij wachten. Zo gaan jaren
verloren.

**Wij vragen het nieuwe kabinet:** taalles vanaf de eerste dag, en werk zodra iemand dat aankan.
"""

#: Of each petition: the title, the text and when it was sent.
News = tuple[tuple[str, str, datetime], ...]

PARDON_NEWS: News = (
    (
        "Het vierde doel is al gehaald",
        "Wat een week! Zo veel mensen tekenden dat **het vierde doel** al is gehaald. Op 29 juni bieden wij de petitie "
        "aan, op het Plein in Den Haag. Kom je ook?",
        at(date(2021, 5, 27), 9),
    ),
    (
        "Aangeboden, voor alle camera's",
        "Veertig pardonners overhandigden vandaag jullie namen. De Kamer stemt binnenkort; wij laten weten hoe dat "
        "gaat.",
        at(date(2021, 6, 29), 15),
    ),
    (
        "Gewonnen!",
        "Het is gelukt: wie een pardonvergunning heeft, kan Nederlander worden zonder geboorteakte. Dit hebben "
        "**jullie** mogelijk gemaakt. Wij helpen iedereen met de aanvraag.",
        at(date(2021, 11, 1), 10),
    ),
)
AFGHANS_NEWS: News = (
    (
        "Overhandigd aan zeven partijen",
        "Parwana Rezai overhandigde vandaag jullie handtekeningen aan Kamerleden van Bij1, SP, Volt, GroenLinks, PvdA, "
        "D66 en CU. Zij vertelde over haar familie in Kabul. Het werd heel stil.",
        at(date(2021, 9, 21), 16),
    ),
    (
        "De motie is aangenomen",
        "De Kamer vroeg het kabinet om een ruimere groep op te halen. Het kabinet moet nu zeggen hoe. Wij blijven erop "
        "zitten.",
        at(date(2021, 10, 14), 11),
    ),
    (
        "Hoe het nu gaat",
        "Sinds september kwamen er mensen aan, maar er wachten er nog honderden. In de noodopvang helpen onze "
        "vrijwilligers met post, school en rust.",
        at(date(2021, 11, 18), 10),
    ),
    (
        "Dank voor dit jaar",
        "Jullie tekenden, schreven en gaven. In januari spreekt de Kamer weer over Afghanistan; je hoort het van ons.",
        at(date(2021, 12, 22), 9),
    ),
)
FAMILIES_NEWS: News = (
    (
        "Op weg naar het tweede doel",
        "Binnen een maand was het eerste doel gehaald. Stuur de petitie door aan drie vrienden: dan halen wij het "
        "tweede voor het debat.",
        at(date(2021, 12, 21), 10),
    ),
)  # fmt: skip


def scan_of(title: str, count: int, counter: str) -> bytes:
    """A page of PDF that stands for the scanned sheets; there are no names on it."""
    lines = (f"Handtekeningenlijsten: {title}", f"Aantal geteld: {count}", f"Geteld door: {counter}", "Voorbeeld")
    shown = "".join(
        f"({line}) Tj 0 -24 Td " for line in (line.replace("(", "").replace(")", "") for line in lines)
    ).encode("cp1252", "replace")
    content = b"BT /F1 14 Tf 60 760 Td " + shown + b"ET"
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica "
        b"/Encoding /WinAnsiEncoding >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
    ]
    file, starts = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        starts.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % start for start in starts)
    ends_at = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(parts) + 1, table)
    return file + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(parts) + 1, ends_at)
