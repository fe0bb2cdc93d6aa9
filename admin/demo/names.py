"""Dutch people who do not exist: names, addresses, accounts, by weight. No account number here can be anybody's."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random


@dataclass(frozen=True, slots=True)
class Weighted:
    """Values to draw from, the first ones more often than the last, or by the weights given."""

    values: Sequence[str]
    cumulative: Sequence[float]

    @classmethod
    def fading(cls, text: str, separator: str | None = None) -> Weighted:
        values = [value.strip() for value in text.split(separator) if value.strip()]
        return cls(values, list(accumulate(1 / (position + 12) for position in range(len(values)))))

    @classmethod
    def of(cls, weights: dict[str, float]) -> Weighted:
        return cls(list(weights), list(accumulate(weights.values())))

    def draw(self, rng: Random, count: int) -> list[str]:
        return rng.choices(self.values, cum_weights=self.cumulative, k=count)


WOMEN = Weighted.fading("""
    Maria Anna Johanna Elisabeth Cornelia Wilhelmina Petronella Hendrika Margaretha Catharina Sophie Emma Julia Anouk
    Marieke Annelies Ingrid Linda Monique Petra Esther Sandra Marjolein Wilma Ria Truus Joke Ans Els Hanneke Ineke
    Marijke Yvonne Astrid Saskia Mirjam Judith Femke Sanne Lotte Fleur Eva Lisa Iris Roos Tessa Merel Floor Noor Fatima
    Aïcha Zeynep Elif Samira Naima Yasmin Leila Hanna Ruth Tineke Gerda Dineke Jantje Grietje Sjoukje Froukje Nynke
    Renée Désirée Zoë Chloë Amélie Manon Carolien Heleen Liesbeth Trijntje Geertruida Ada Suzie Bertha Mehret Rahwa
    Noura Rima Shirin Parisa Olga Svetlana Agnieszka Mei Linh Priya Sharda Wies Puck
""")
MEN = Weighted.fading("""
    Jan Johannes Pieter Hendrik Cornelis Willem Gerrit Jacob Peter Hans Kees Henk Dirk Mark Erik Rob Marcel Paul Frank
    Martijn Jeroen Bas Tim Thomas Daan Lucas Sem Bram Ruben Lars Thijs Joost Maarten Wouter Sjoerd Arjen Wim Ad Piet
    Theo Ton Gerard Leo Frans Jos Rene Ronald Edwin Patrick Dennis Mohammed Ahmed Mustafa Youssef Hassan Ali Mehmet Emre
    Omar Karim Samir Bilal Ibrahim Tesfay Yonas Filmon Amanuel Reza Hamid Farid Anil Ravi Dmitri Piotr Chi Björn André
    François Loïc Jörg Sietse Wiebe Folkert Jelle Tjalling Egbert Roelof Albert Nico Ruud Guus Sam Jean-Pierre Joop
""")
#: A prefix before the slash.
SURNAMES = Weighted.fading("""
    de/Jong, Jansen, de/Vries, van den/Berg, van/Dijk, Bakker, Janssen, Visser, Smit, Meijer, de/Boer, Mulder, de/Groot,
    Bos, Vos, Peters, Hendriks, van/Leeuwen, Dekker, Brouwer, de/Wit, Dijkstra, Smits, de/Graaf, van der/Meer,
    van der/Linden, Kok, Jacobs, de/Haan, Vermeulen, van den/Heuvel, van der/Veen, van den/Broek, de/Bruijn, de/Bruin,
    van der/Heijden, Schouten, van/Beek, Willems, van/Vliet, van de/Ven, Hoekstra, Maas, Verhoeven, Koster, van/Dam,
    van der/Wal, Prins, Blom, Huisman, Peeters, de/Jonge, Kuipers, van/Veen, Post, Kuiper, Veenstra, Kramer,
    van der/Velde, Scholten, Sanders, van de/Pol, Bosch, Postma, Martens, de/Lange, Groen, Gerritsen, van/Wijk,
    Evers, Molenaar, van der/Horst, Timmermans, Boersma, Verbeek, Schipper, Hermans, Driessen, Jonker, Bosman, Wolters,
    Yılmaz, Kaya, El Amrani, Bouali, El Idrissi, Aydın, Öztürk, Nguyễn, Singh, Ramdin, Tesfay, Habtom, Al Masri, Haddad,
    Hosseini, Karimi, Ahmadi, Rezaei, Abdi, Mohamed, Kowalski, Nowak, Silva, dos/Santos, van 't/Hof, in 't/Veld,
    op de/Beeck, ter/Horst, ten/Brink, van 't/Hul, van/Gogh, d'/Ancona, 't/Hart, Jansen-de Vries, van der Ven-van Dijk,
    Müller, Schröder, Størmer, Łukasik, Çelik,
    Ionescu-Pană, van/IJperen, IJsbrandy, O'Brien, de la/Fuente, von/Bönninghausen
""", ",")  # fmt: skip
STREETS = Weighted.fading("""
    Kerkstraat, Dorpsstraat, Schoolstraat, Molenstraat, Hoofdstraat, Nieuwstraat, Stationsstraat, Julianastraat,
    Wilhelminastraat, Beatrixstraat, Parallelweg, Molenweg, Kastanjelaan, Beukenlaan, Eikenlaan, Lindelaan,
    Industrieweg, Prins Hendrikstraat, Burgemeester van Dijklaan, Raadhuisstraat, Marktplein, Oudegracht, Singel, Haven,
    Achterweg, Vondelstraat, Rembrandtlaan,
    Frans Halsstraat, Jan Steenstraat, Mozartlaan, Plein 1944, Boslaan, Zandweg, Dijk,
    Kanaalweg, Spoorstraat, Hogeweg, Lange Voorhout, Meidoornstraat, Merelstraat, Zwaluwstraat, Leeuwerik, De Wieken,
    Grote Markt, Nassaukade, Vrijheidslaan, Anne Frankstraat, Zuiderzeelaan, Abel Tasmanstraat,
    1e Jacob van Campenstraat
""", ",")  # fmt: skip
#: City: weight, first and last of its four-digit postcodes.
CITIES: dict[str, tuple[int, int, int]] = {
    "Amsterdam": (90, 1011, 1109), "Rotterdam": (60, 3011, 3089), "'s-Gravenhage": (55, 2491, 2597),
    "Utrecht": (48, 3511, 3585), "Eindhoven": (20, 5611, 5658), "Groningen": (26, 9711, 9747),
    "Tilburg": (18, 5011, 5049),
    "Almere": (15, 1311, 1363), "Breda": (16, 4811, 4847), "Nijmegen": (22, 6511, 6546), "Apeldoorn": (14, 7311, 7339),
    "Arnhem": (17, 6811, 6846), "Haarlem": (19, 2011, 2037), "Enschede": (12, 7511, 7548),
    "Amersfoort": (16, 3811, 3829),
    "Zaandam": (10, 1501, 1509), "'s-Hertogenbosch": (13, 5211, 5249), "Zwolle": (12, 8011, 8043),
    "Leiden": (14, 2311, 2334), "Zoetermeer": (9, 2711, 2729), "Maastricht": (10, 6211, 6229),
    "Dordrecht": (9, 3311, 3329), "Ede": (9, 6711, 6718), "Alphen aan den Rijn": (7, 2401, 2409),
    "Leeuwarden": (9, 8911, 8941), "Alkmaar": (9, 1811, 1827), "Delft": (11, 2611, 2629), "Deventer": (9, 7411, 7429),
    "Hilversum": (9, 1211, 1223), "Roosendaal": (5, 4701, 4709), "Oss": (5, 5341, 5349), "Gouda": (7, 2801, 2809),
    "Hoorn": (5, 1621, 1628), "Wageningen": (7, 6701, 6709), "Middelburg": (4, 4331, 4339), "Assen": (5, 9401, 9408),
    "Zeist": (7, 3701, 3709), "Sneek": (3, 8601, 8608), "Goes": (3, 4461, 4465), "Zutphen": (5, 7201, 7207),
    "Doetinchem": (3, 7001, 7009), "Winterswijk": (2, 7101, 7109), "Den Helder": (3, 1781, 1789),
    "IJsselstein": (2, 3401, 3404), "Ter Apel": (2, 9561, 9561), "Borger": (1, 9531, 9531),
    "Schiermonnikoog": (1, 9166, 9166),
}  # fmt: skip
_CITY = Weighted.of({name: weight for name, (weight, _, _) in CITIES.items()})
#: Postcodes never end in these: Dutch post keeps them free.
_LETTERS = [a + b for a in "ABCDEGHJKLMNPRSTVWXZ" for b in "ABCDEGHJKLMNPRSTVWXZ" if a + b not in ("SA", "SD", "SS")]
#: Bank codes of Dutch IBANs with their BIC.
BANKS = {
    "INGB": ("INGBNL2A", 36.0), "RABO": ("RABONL2U", 27.0), "ABNA": ("ABNANL2A", 17.0), "TRIO": ("TRIONL2U", 6.0),
    "SNSB": ("SNSBNL2A", 5.0), "ASNB": ("ASNBNL21", 5.0), "RBRB": ("RBRBNL21", 1.5), "KNAB": ("KNABNL2H", 1.3),
    "BUNQ": ("BUNQNL2A", 1.2),
}  # fmt: skip
_BANK = Weighted.of({code: weight for code, (_, weight) in BANKS.items()})
#: The domain "example" exists nowhere, so no message about the demo reaches anybody.
_MAIL = Weighted.of({"gmail": 44, "hotmail": 14, "ziggo": 10, "kpnmail": 8, "outlook": 8, "xs4all": 4, "planet": 4})


@dataclass(slots=True)
class Person:
    first_name: str
    initials: str
    prefix: str
    surname: str
    form_of_address: str | None


@dataclass(slots=True)
class Home:
    street: str
    number: str
    addition: str
    postcode: str
    city: str


def people(rng: Random, count: int) -> list[Person]:
    """Some gave only their initials; whether mr or ms is known of six in ten."""
    found = []
    women, men = WOMEN.draw(rng, count), MEN.draw(rng, count)
    seconds = MEN.draw(rng, count)
    for woman, man, second, surname in zip(women, men, seconds, SURNAMES.draw(rng, count), strict=True):
        chance = rng.random()
        is_woman = chance < 0.56
        first = woman if is_woman else man
        middle = rng.random()
        initials = _initial(first) + (_initial(second) if middle < 0.45 else "") + ("M." if middle < 0.12 else "")
        prefix, _, core = surname.rpartition("/")
        told = rng.random() < 0.6
        found.append(
            Person(
                first_name="" if rng.random() < 0.14 else first,
                initials=initials,
                prefix=prefix,
                surname=core,
                form_of_address=("ms" if is_woman else "mr") if told else None,
            )
        )
    return found


def _initial(name: str) -> str:
    return "".join(f"{part[0]}." for part in name.split("-"))


def homes(rng: Random, count: int) -> list[Home]:
    found = []
    for street, city in zip(STREETS.draw(rng, count), _CITY.draw(rng, count), strict=True):
        _, low, high = CITIES[city]
        chance = rng.random()
        found.append(
            Home(
                street=street,
                number=str(1 + int(220 * chance * chance)),
                addition=rng.choice(("A", "B", "-2", "bis", " hs", "-III")) if rng.random() < 0.12 else "",
                postcode=f"{low + int(rng.random() * (high - low + 1))} {_LETTERS[int(rng.random() * len(_LETTERS))]}",
                city=city,
            )
        )
    return found


def accounts(rng: Random, count: int) -> list[tuple[str, str]]:
    """IBANs with their BIC. Their check digits fit; the number inside fails the eleven-test, so no bank gave it out."""
    found = []
    seen: set[int] = set()
    for code in _BANK.draw(rng, count):
        number = 100_000_000 + int(rng.random() * 899_999_999)
        while number in seen or _passes_eleven_test(number):
            number += 1
        seen.add(number)
        found.append((_iban(code, number), BANKS[code][0]))
    return found


def _passes_eleven_test(number: int) -> bool:
    digits = f"{number:010d}"
    return sum(int(digit) * (10 - place) for place, digit in enumerate(digits)) % 11 == 0


def _iban(code: str, number: int) -> str:
    # ISO 13616: letters count from A = 10, the country and 00 go last, and 98 less the remainder by 97 is the check.
    letters = "".join(str(ord(letter) - 55) for letter in code)
    check = 98 - int(f"{letters}{number:010d}232100") % 97
    return f"NL{check:02d}{code}{number:010d}"


def emails(rng: Random, persons: Sequence[Person]) -> list[str]:
    """One each; an empty one where nobody gave it."""
    found = []
    for person, domain in zip(persons, _MAIL.draw(rng, len(persons)), strict=True):
        chance = rng.random()
        if chance > 0.83:
            found.append("")
            continue
        number = int(chance * 1_000_000)
        found.append(f"{_local_part(person)}{number % 10_000}@{domain}.example")
    return found


def address_of(rng: Random, person: Person, number: int, domain: str = "") -> str:
    """An e-mail address that nobody else with another number has, at a domain of choice."""
    return f"{_local_part(person)}{number}@{domain or _MAIL.draw(rng, 1)[0] + '.example'}"


def _local_part(person: Person) -> str:
    given = (person.first_name or person.initials[0]).lower()
    name = f"{given}.{person.prefix}{person.surname}".lower()
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if c.isascii() and (c.isalnum() or c in ".-"))
    return plain.strip(".-")


def phone(rng: Random) -> str:
    """A number that no one can have: mobile numbers do not begin with 060."""
    return f"+31600{int(rng.random() * 1_000_000):06d}"
