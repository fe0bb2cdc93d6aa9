"""The intake's body for PostgreSQL: one statement for all rows, whether or not their address signed before.

So who waits for the answer can tell neither by the journeys to the server nor by a longer way there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from campaigns.petitions.again import MOST_ANEW, MOST_MAILS
from campaigns.petitions.signature import OVER
from campaigns.petitions.terms import BY, REMEMBERED, Prepared, Written

_OVER = ", ".join(f"'{state}'" for state in OVER)

_STATEMENT = f"""
WITH given AS (
  SELECT * FROM unnest(
    %(n)s::int[], %(petition_id)s::bigint[], %(per_address)s::int[], %(address_key)s::bytea[], %(name_key)s::bytea[],
    %(state)s::text[], %(locale)s::text[], %(source)s::text[], %(wording_id)s::bigint[], %(signed_at)s::timestamptz[],
    %(day)s::text[], %(hour)s::timestamptz[], %(sealed)s::bytea[], %(sealed_address)s::bytea[], %(domain)s::text[],
    %(network_key)s::bytea[], %(wants_updates)s::bool[], %(risk)s::text[], %(publishes)s::bool[],
    %(shows_comment)s::bool[], %(form_url)s::text[], %(template)s::text[], %(priority)s::int[],
    %(content_hash)s::bytea[]
  ) AS g (n, petition_id, per_address, address_key, name_key, state, locale, source, wording_id, signed_at, day, hour,
    sealed, sealed_address, domain, network_key, wants_updates, risk, publishes, shows_comment, form_url, template,
    priority, content_hash)
), key AS (
  SELECT * FROM unnest(%(key_n)s::int[], %(key)s::bytea[]) AS k (n, key)
), first AS (
  INSERT INTO campaigns_once (key, petition_id, content_hash, forget_at)
  SELECT key, petition_id, content_hash, signed_at + interval '{REMEMBERED.days} days' FROM key JOIN given USING (n)
  ON CONFLICT DO NOTHING RETURNING key
), allowed AS (
  SELECT g.*, p.open, f.first FROM given g
  CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT 1 FROM campaigns_petition p WHERE p.id = g.petition_id AND p.state = 'open'
      AND (p.opens_at IS NULL OR p.opens_at <= g.signed_at)
      AND (p.closes_at IS NULL OR p.closes_at > g.signed_at)) AS open
  ) p
  CROSS JOIN LATERAL (
    SELECT NOT EXISTS (SELECT 1 FROM key WHERE key.n = g.n AND key.key NOT IN (SELECT key FROM first)) AS first
  ) f
), signed AS (
  INSERT INTO campaigns_signature (petition_id, address_key, name_key, slot, state, locale, source, wording_id,
    signed_at, mails)
  SELECT petition_id, address_key, name_key, 1, state, locale, source, wording_id, signed_at,
    CASE WHEN template = 'petition_confirm' THEN 1 ELSE 0 END
  FROM allowed WHERE open AND first ORDER BY petition_id, address_key
  ON CONFLICT (petition_id, address_key, slot) DO NOTHING RETURNING id, petition_id, address_key, mails
), rest AS MATERIALIZED (
  SELECT * FROM allowed a WHERE open AND first
    AND NOT EXISTS (SELECT 1 FROM signed s WHERE s.petition_id = a.petition_id AND s.address_key = a.address_key)
  ORDER BY petition_id, address_key
), there AS MATERIALIZED (
  SELECT r.*, s.*, s.before_name_key = r.name_key AS same FROM rest r CROSS JOIN LATERAL (
    SELECT id, state AS before, name_key AS before_name_key, slot, mails FROM campaigns_signature s
    WHERE s.petition_id = r.petition_id AND s.address_key = r.address_key ORDER BY slot LIMIT 2 FOR UPDATE
  ) s
), again AS MATERIALIZED (
  SELECT DISTINCT ON (n) *, CASE
      WHEN NOT same AND people < per_address THEN 'second'
      WHEN before IN ({_OVER}) THEN 'anew'
      WHEN before IN ('pending', 'received') AND mails < {MOST_MAILS} AND template = 'petition_confirm' THEN 'ask'
      WHEN before = 'confirmed' AND template IS NOT NULL THEN 'tell'
      ELSE 'nothing'
    END AS step
  FROM (SELECT *, count(*) OVER (PARTITION BY n) AS people FROM there) t
  ORDER BY n, same DESC, NOT same AND before IN ({_OVER}, 'pending') DESC, slot
), second AS (
  INSERT INTO campaigns_signature (petition_id, address_key, name_key, slot, state, locale, source, wording_id,
    signed_at, mails)
  SELECT petition_id, address_key, name_key, people + 1, state, locale, source, wording_id, signed_at,
    CASE WHEN template = 'petition_confirm' THEN 1 ELSE 0 END
  FROM again WHERE step = 'second'
  ON CONFLICT (petition_id, address_key, slot) DO NOTHING RETURNING id, petition_id, address_key, mails
), anew AS (
  UPDATE campaigns_signature s SET state = a.state, name_key = a.name_key, locale = a.locale, source = a.source,
    wording_id = a.wording_id, signed_at = a.signed_at, confirmed_at = NULL, ended_at = NULL, end_reason = NULL,
    reminded_at = NULL, mails = a.mails + 1
  FROM again a WHERE s.id = a.id AND a.step = 'anew' RETURNING s.id, s.petition_id, s.address_key, s.mails
), asked AS (
  UPDATE campaigns_signature s SET mails = a.mails + 1,
    name_key = CASE WHEN a.before = 'pending' THEN a.name_key ELSE s.name_key END
  FROM again a WHERE s.id = a.id AND a.step = 'ask'
), corrected AS (
  UPDATE campaigns_signature_person p SET sealed = a.sealed
  FROM again a WHERE p.signature_id = a.id AND a.step = 'ask' AND a.before = 'pending'
), unshown AS (
  -- The yes to showing it was to another form: it does not hold for these words.
  UPDATE campaigns_publication p SET with_comment = false, comment = ''
  FROM again a WHERE p.signature_id = a.id AND a.step = 'ask' AND a.before = 'pending' AND NOT a.shows_comment
), replaced AS (
  UPDATE campaigns_signature_person p SET sealed = a.sealed, sealed_address = a.sealed_address, domain = a.domain,
    network_key = a.network_key, wants_updates = a.wants_updates, risk = a.risk
  FROM again a WHERE p.signature_id = a.id AND a.step = 'anew' RETURNING p.signature_id
), counts AS (
  SELECT w.id, w.mails, w.kind, CASE WHEN w.mails <= {MOST_ANEW} THEN a.template END AS letter, a.*
  FROM (
    SELECT *, 'new' AS kind FROM signed UNION ALL SELECT *, 'new' FROM second UNION ALL SELECT *, 'known' FROM anew
  ) w JOIN allowed a USING (petition_id, address_key)
), person AS (
  INSERT INTO campaigns_signature_person (signature_id, sealed, sealed_address, domain, network_key, wants_updates,
    risk)
  SELECT id, sealed, sealed_address, domain, network_key, wants_updates, risk FROM counts
  WHERE id NOT IN (SELECT signature_id FROM replaced)
), consent AS (
  INSERT INTO supporters_consent (address_key, purpose, channel, scope, granted, text_id, source, evidence, at, by)
  SELECT address_key, c.purpose, CASE c.purpose WHEN 'show_name' THEN 'public' ELSE 'email' END,
    CASE c.purpose WHEN 'newsletter' THEN '' ELSE 'petition:' || petition_id END, true, c.text_id, form_url,
    'signature:' || id, signed_at, '{BY}'
  FROM counts JOIN unnest(%(consent_n)s::int[], %(purpose)s::text[], %(text_id)s::bigint[]) AS c (n, purpose, text_id)
    USING (n)
), tally AS (
  INSERT INTO campaigns_tally_event (petition_id, hour, source, signed, confirmed, offline)
  SELECT petition_id, hour, source, 1, 0, 0 FROM counts WHERE state <> 'quarantined'
), shown AS (
  INSERT INTO campaigns_publication (petition_id, signature_id, state, with_comment, name, town, comment)
  SELECT petition_id, id, 'waiting', shows_comment, '', '', '' FROM counts WHERE publishes
), mail AS (
  INSERT INTO supporters_outbox_message (template, subject_id, params, locale, key, priority, sealed_address,
    address_key, purpose, scope, state, attempts, next_at, queued_at)
  SELECT letter, id, '{{}}', locale,
    replace(letter, '_', '-') || ':' || id || ':' || CASE letter WHEN 'petition_confirm' THEN mails ELSE mails + 1 END,
    priority, sealed_address, address_key, 'service', 'petition:' || petition_id, 'queued', 0, signed_at, signed_at
  FROM counts WHERE letter IS NOT NULL
), told AS (
  INSERT INTO supporters_outbox_message (template, subject_id, params, locale, key, priority, sealed_address,
    address_key, purpose, scope, state, attempts, next_at, queued_at)
  SELECT CASE step WHEN 'ask' THEN 'petition_confirm' ELSE 'petition_known' END, id, '{{}}', locale,
    CASE step WHEN 'ask' THEN 'petition-confirm:' || id || ':' || mails + 1
      ELSE 'petition-known:' || id || ':' || day END,
    priority, sealed_address, address_key, 'service', 'petition:' || petition_id, 'queued', 0, signed_at, signed_at
  FROM again WHERE step IN ('ask', 'tell')
  ON CONFLICT (key) DO NOTHING
)
SELECT a.n, a.open, a.first, coalesce(c.kind, CASE WHEN g.step <> 'second' THEN 'known' END), coalesce(c.id, g.id)
FROM allowed a LEFT JOIN counts c USING (n) LEFT JOIN again g USING (n)
"""
_COLUMNS = (
    "petition_id", "per_address", "address_key", "name_key", "state", "locale", "source", "wording_id", "signed_at",
    "hour", "sealed", "sealed_address", "domain", "network_key", "wants_updates", "risk", "publishes", "shows_comment",
    "form_url", "template", "priority", "content_hash",
)  # fmt: skip


def insert(connection: Connection, rows: Sequence[Prepared]) -> list[Written]:
    """What became of each. A row without a kind met somebody who was signing at the same moment: it can be tried
    again, and its keys are its own by then."""
    keys = [(n, key) for n, row in enumerate(rows) for _, key in row.keys]
    consents = [(n, *consent) for n, row in enumerate(rows) for consent in row.consents]
    given: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in _COLUMNS}
    given |= {
        "n": list(range(len(rows))), "day": [row.signed_at.date().isoformat() for row in rows],
        "key_n": [n for n, _ in keys], "key": [key for _, key in keys],
        "consent_n": [n for n, _, _ in consents], "purpose": [purpose for _, purpose, _ in consents],
        "text_id": [text_id for _, _, text_id in consents],
    }  # fmt: skip
    found = {n: Written(*what) for n, *what in connection.exec_driver_sql(_STATEMENT, given)}
    return [found[n] for n in range(len(rows))]
