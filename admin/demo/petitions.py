"""The year's petitions: two that the annual report tells of, smaller ones, one that can be signed now and a draft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from admin.demo import petition_texts as texts
from admin.demo.plan import NOW, Plan, at
from admin.demo.runs import ANNA, BRAM
from admin.demo.signatures import Signatures, Signing, Wave
from campaigns.campaign import Campaign
from campaigns.petitions.handover import Handover
from campaigns.petitions.network import NetworkRule
from campaigns.petitions.offline import OfflineCount
from campaigns.petitions.petition import Petition
from campaigns.petitions.removal import Criteria, RemovalRun
from campaigns.petitions.tally import Tally
from campaigns.petitions.update import PetitionUpdate
from supporters.documents import Document
from supporters.mail.message import OutboxMessage

SITE = "https://www.demo.example"
#: Days: a year, so that the names of all of the year's petitions are still there at the demo's clock.
KEPT = 365
#: Of a hundred who confirmed, how many did something else. What never was confirmed depends on the mail.
BESIDE = {"pending": 15.5, "withdrawn": 0.5, "rejected": 0.9, "quarantined": 0.2}
_FROM_NEWS = {"media": 52, "facebook": 20, "twitter": 11, "web": 9, "": 8}
_FROM_MAIL = {"newsletter": 71, "forwarded": 14, "web": 8, "": 7}
_FROM_FRIENDS = {"facebook": 31, "whatsapp": 27, "twitter": 14, "web": 12, "instagram": 9, "": 7}
_FROM_STREET = {"flyer": 46, "event": 38, "web": 16}


@dataclass(frozen=True, slots=True)
class Ask:
    """``headline`` is the number to show large at full size, of which ``sheets`` came on paper."""

    slug: str
    title: str
    text: str
    addressee: str
    headline: int
    opens_at: datetime
    closes_at: datetime | None
    waves: tuple[Wave, ...]
    goals: tuple[int, ...]
    sheets: tuple[tuple[int, date, str, str], ...] = ()  # how many, counted on, by whom, where they lay
    campaign: str = ""
    per_address: int = 1
    updates: tuple[tuple[str, str, datetime], ...] = ()
    policy: str = "required"
    handed_to: str = ""  # on the day it closed
    #: Names of later signers wait for a moderator.
    approved_until: datetime | None = None
    extra: Mapping[str, float] = field(default_factory=lambda: BESIDE)


PARDON = Ask(
    "wij-horen-er-ook-bij", "Wij horen er ook bij", texts.PARDON, "de leden van de Tweede Kamer", 56_512,
    at(date(2021, 5, 12), 5, 40), at(date(2021, 6, 29), 12),
    (
        Wave(0, 10, 30, _FROM_FRIENDS), Wave(14, 52, 16, _FROM_NEWS), Wave(52, 22, 20, _FROM_MAIL),
        Wave(340, 14, 26, _FROM_NEWS), Wave(760, 9, 40, _FROM_MAIL), Wave(0, 12, 600, _FROM_FRIENDS),
    ),
    (10_000, 25_000, 40_000, 50_000, 60_000),
    (
        (742, date(2021, 6, 5), "Wil van Ommeren", "Stadhuisplein, Utrecht"),
        (386, date(2021, 6, 21), "Fatma Aydın", "Wereldvluchtelingendag, Zwolle"),
    ),
    "wijhorenerookbij", per_address=2, updates=texts.PARDON_NEWS, approved_until=at(date(2021, 6, 28), 20),
    handed_to="de vaste commissie voor Justitie en Veiligheid, door veertig pardonners",
)  # fmt: skip
AFGHANS = Ask(
    "bied-afghanen-bescherming", "Bied Afghanen bescherming", texts.AFGHANS,
    "de leden van de Tweede Kamer en het kabinet", 40_538, at(date(2021, 8, 25), 14, 30), at(date(2021, 9, 21), 10),
    (
        Wave(0, 48, 14, _FROM_MAIL), Wave(5, 40, 18, _FROM_NEWS), Wave(48, 20, 24, _FROM_FRIENDS),
        Wave(150, 8, 30, _FROM_NEWS), Wave(0, 9, 300, _FROM_FRIENDS),
    ),
    (10_000, 25_000, 40_000, 50_000),
    ((312, date(2021, 9, 6), "Hidde Postma", "Malieveld, Den Haag"),),
    "kabul-2021", updates=texts.AFGHANS_NEWS, approved_until=at(date(2021, 9, 18), 9),
    handed_to="Kamerleden van Bij1, SP, Volt, GroenLinks, PvdA, D66 en CU, door Parwana Rezai",
)  # fmt: skip
PUSHBACKS = Ask(
    "stop-de-pushbacks", "Stop de pushbacks", texts.PUSHBACKS, "de minister van Buitenlandse Zaken", 7_214,
    at(date(2021, 2, 9), 8), at(date(2021, 4, 30), 10),
    (Wave(0, 30, 30, _FROM_MAIL), Wave(0, 22, 400, _FROM_FRIENDS)), (5_000, 10_000),
    approved_until=at(date(2021, 5, 1)),
)  # fmt: skip
SHELTER = Ask(
    "kleine-opvang-in-de-wijk", "Kleine opvang in de wijk", texts.SHELTER, "alle gemeenteraden", 2_406,
    at(date(2021, 10, 4), 8), at(date(2021, 12, 13), 10),
    (Wave(0, 15, 40, _FROM_STREET), Wave(0, 20, 500, _FROM_FRIENDS)), (2_500, 5_000), policy="soft",
    approved_until=at(date(2021, 12, 1)), extra={"confirmed": 160.0, "withdrawn": 0.6, "rejected": 2.5},
)  # fmt: skip
FAMILIES = Ask(
    "gezinnen-horen-samen", "Gezinnen horen samen", texts.FAMILIES, "de staatssecretaris van Justitie en Veiligheid",
    4_318, at(date(2021, 11, 22), 9), None,
    (
        Wave(0, 26, 28, _FROM_MAIL), Wave(700, 20, 26, _FROM_MAIL), Wave(960, 6, 20, _FROM_NEWS),
        Wave(0, 40, 700, _FROM_FRIENDS),
    ),
    (2_500, 5_000, 10_000), ((64, date(2021, 12, 20), "Joke Timmermans", "Kerstmarkt, Deventer"),),
    per_address=2, updates=texts.FAMILIES_NEWS, approved_until=at(date(2021, 12, 28), 16),
)  # fmt: skip
ASKS = (PUSHBACKS, PARDON, AFGHANS, SHELTER, FAMILIES)
STEPS = len(ASKS) + 1


def make(session: Session, plan: Plan, ask: Ask) -> Petition:
    """The petition with all that happened to it until the demo's clock, in the caller's transaction."""
    before = ask.opens_at - timedelta(days=3)
    petition = Petition.draft(
        session, ask.slug, ask.title, ask.text, ask.addressee, by=ANNA, now=before,
        goals=[plan.some(goal) for goal in ask.goals], confirm_policy=ask.policy, per_address=ask.per_address,
        opens_at=ask.opens_at, retention_days=KEPT, allowed_origins=[SITE],
        return_urls=[f"{SITE}/bedankt", f"{SITE}/acties/*"], campaign_id=_campaign(session, ask, before),
    )  # fmt: skip
    petition.open(session, by=BRAM, now=before)
    session.flush()
    sheets = [(plan.some(count), *rest) for count, *rest in ask.sheets]
    on_line = ask.headline // plan.one_in - sum(count for count, *_ in sheets)
    school = plan.some(58, least=4) if ask is AFGHANS else 0
    Signatures(session, petition, _signing(ask, on_line - school)).store()
    for nth, (count, counted_on, counter, place) in enumerate(sheets, 1):
        _count_sheets(session, petition, count, counted_on, str(counter), str(place), nth)
    if ask is PARDON:
        _remove_a_robot(session, plan, petition)
    if ask is AFGHANS:
        _take_a_school_for_a_robot(session, school, petition)
    for title, text, sent_at in ask.updates:
        _send(session, petition, title, text, sent_at)
    if ask.closes_at:
        petition.close(session, by=ANNA, now=ask.closes_at)
    if ask.handed_to and ask.closes_at:
        session.flush()
        handover = Handover.make(session, petition, ask.handed_to, by=ANNA, now=ask.closes_at)
        session.flush()
        handover.took_place(session, ask.closes_at.date(), by=ANNA, now=ask.closes_at + timedelta(hours=5))
    while Tally.roll_up(session, now=NOW):
        pass
    return petition


def draft(session: Session) -> Petition:
    """Written, and not open to anybody yet; and the networks that are known."""
    NetworkRule.add(session, "198.51.100.0/24", "allow", "Scholengemeenschap Het Baken", by=ANNA, now=NOW)
    NetworkRule.add(session, "203.0.113.0/24", "block", "Robot van mei 2021", by=ANNA, now=at(date(2021, 5, 14)))
    return Petition.draft(
        session, "vanaf-dag-een-meedoen", "Vanaf dag één meedoen", texts.TAKING_PART, "het nieuwe kabinet", by=BRAM,
        now=at(date(2021, 12, 30), 13), goals=[5_000], allowed_origins=[SITE], return_urls=[f"{SITE}/bedankt"],
    )  # fmt: skip


def _campaign(session: Session, ask: Ask, now: datetime) -> int | None:
    if not ask.campaign:
        return None
    campaign = Campaign.open(session, ask.campaign, f"#{ask.campaign}", started_on=now.date(), by=ANNA, now=now)
    session.flush()
    return campaign.id


def _signing(ask: Ask, on_line: int) -> Signing:
    main = "received" if ask.policy == "soft" else "confirmed"
    states = {main: on_line} | {state: max(1, round(on_line * share / 100)) for state, share in ask.extra.items()}
    if ask.policy == "soft":  # both count, so both make up the headline
        states["confirmed"] = round(on_line * 0.6)
        states["received"] = on_line - states["confirmed"]
    return Signing(
        ask.opens_at, ask.closes_at or NOW - timedelta(minutes=7), NOW, states, ask.waves, "petitions",
        form_url=f"{SITE}/acties/{ask.slug}", approved_until=ask.approved_until,
    )  # fmt: skip


def _count_sheets(
    session: Session, petition: Petition, count: int, counted_on: date, counter: str, place: str, nth: int
) -> None:
    now = at(counted_on, 16)
    scan = Document.store(
        session, [texts.scan_of(petition.title, count, counter)], kind="count_sheet", media_type="application/pdf",
        filename=f"{petition.slug}-{nth}.pdf", by=ANNA, now=now,
    )  # fmt: skip
    OfflineCount.record(
        session, petition, count, counted_on=counted_on, counter=counter, place=place, scan=scan, by=ANNA, now=now
    )


def _remove_a_robot(session: Session, plan: Plan, petition: Petition) -> None:
    """Hundreds from throw-away addresses in one night, seen in the trends the next morning."""
    _flood(
        session, petition, {"pending": plan.some(614, least=6)}, at(date(2021, 5, 13), 1, 12), "wegwerp.example",
        "203.0.113.0/24",
    )  # fmt: skip
    _remove(
        session, petition, Criteria(domain="wegwerp.example"), "Wegwerpadressen in één nacht, uit één netwerk",
        at(date(2021, 5, 14), 7, 20),
    )  # fmt: skip


def _take_a_school_for_a_robot(session: Session, count: int, petition: Petition) -> None:
    """A class that signed in one lesson was removed, and put back after the school telephoned."""
    _flood(session, petition, {"confirmed": count}, at(date(2021, 9, 2), 8, 45), "hetbaken.example", "198.51.100.0/24")
    run = _remove(
        session, petition, Criteria(domain="hetbaken.example"), "Vijftig in een uur uit één netwerk",
        at(date(2021, 9, 3), 8),
    )  # fmt: skip
    run.undo(session, by=BRAM, now=at(date(2021, 9, 3), 13, 30))


def _flood(
    session: Session, petition: Petition, states: dict[str, int], begins: datetime, domain: str, network: str
) -> None:
    signing = Signing(
        begins, begins + timedelta(minutes=40), begins + timedelta(days=1), states, (Wave(0, 1, 1, {"": 1}),), domain,
        domain=domain, network=network, shares={}, with_comment=0,
    )  # fmt: skip
    Signatures(session, petition, signing).store()


def _remove(session: Session, petition: Petition, criteria: Criteria, reason: str, now: datetime) -> RemovalRun:
    found = RemovalRun.preview(session, petition, criteria)
    run = RemovalRun.run(session, petition, criteria, reason, expected=found, by=ANNA, now=now)
    session.flush()
    return run


def _send(session: Session, petition: Petition, title: str, text: str, sent_at: datetime) -> None:
    """Written, sent, and delivered within the hour; the addresses went with it."""
    news = PetitionUpdate.write(session, petition, title, text, by=BRAM, now=sent_at - timedelta(hours=2))
    session.flush()
    news.send(session, by=ANNA, now=sent_at)
    session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.template == "petition_update", OutboxMessage.queued_at == sent_at)
        .values(state="sent", attempts=1, sealed_address=None, ended_at=sent_at + timedelta(minutes=40)),
        execution_options={"synchronize_session": False},
    )
