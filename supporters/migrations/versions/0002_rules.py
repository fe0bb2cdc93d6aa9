"""The promises that only a trigger can keep

Revision ID: 0002
Revises: 0001

On both databases: a closed year takes no postings; posted money, files sent to the bank, due dates and the audit trail
are not edited or deleted; no more goes back than came in. On PostgreSQL, where constraints can wait until the commit:
the designations of a gift add up to it (`achterban check` looks for it on SQLite).
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# table, what happens, message
FROZEN = [
    ("gift", "UPDATE OF amount, currency, received_on, kind, booking_key", "a posted gift is never edited: reverse it"),
    ("gift", "DELETE", "a posted gift is never deleted: reverse it"),
    ("designation", "UPDATE OF gift_id, fund_id, amount", "a designation is never edited: reallocate it"),
    ("designation", "DELETE", "a designation is never deleted: reallocate it"),
    ("reversal", "UPDATE OF gift_id, amount, reversed_on, kind, booking_key", "a reversal is never edited"),
    ("reversal", "DELETE", "a reversal is never deleted"),
    ("instalment", "UPDATE OF commitment_id, number, due_on", "the due date of an instalment never changes"),
    ("instalment", "DELETE", "an instalment is never deleted"),
    ("payment", "UPDATE OF instalment_id, mandate_id, batch_id, amount, currency, reference, collect_on", "a payment is never edited: a retry is a new one"),
    ("payment", "DELETE", "a payment is never deleted"),
    ("collection_file", "UPDATE", "a collection file never changes"),
    ("collection_file", "DELETE", "a collection file is never deleted"),
    ("document_part", "UPDATE", "a stored document never changes"),
    ("audit_entry", "UPDATE OF at, by, via, verb, subject, subject_id", "the audit trail is never edited"),
    ("audit_entry", "DELETE", "the audit trail is never deleted"),
]
POSTINGS = [("gift", "received_on"), ("reversal", "reversed_on")]


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _postgresql()
    else:
        _sqlite()


def _names():
    for number, (table, event, message) in enumerate(FROZEN):
        yield f"supporters_frozen_{number:02d}_{table}", f"supporters_{table}", event, message


def _postgresql() -> None:
    op.execute(
        """
        CREATE FUNCTION supporters_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END $$
        """
    )
    for name, table, event, message in _names():
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION supporters_refuse('{message}')"
        )
    # Posting takes a shared lock on its year, closing an exclusive one: a year cannot close under a posting that is under way.
    for table, column in POSTINGS:
        op.execute(
            f"""
            CREATE FUNCTION supporters_open_year_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE shut integer;
            BEGIN
              PERFORM pg_advisory_xact_lock_shared(1633903988, y) FROM (SELECT DISTINCT extract(year FROM {column})::integer AS y FROM added ORDER BY 1) AS years;
              SELECT year INTO shut FROM supporters_financial_year
                WHERE closed_at IS NOT NULL AND year IN (SELECT extract(year FROM {column})::integer FROM added) LIMIT 1;
              IF FOUND THEN
                RAISE EXCEPTION 'the financial year % is closed', shut USING ERRCODE = 'integrity_constraint_violation';
              END IF;
              RETURN NULL;
            END $$
            """
        )
        op.execute(
            f"""
            CREATE TRIGGER supporters_open_year AFTER INSERT ON supporters_{table}
            REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION supporters_open_year_{table}()
            """
        )
    op.execute(
        """
        CREATE FUNCTION supporters_close_year() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_advisory_xact_lock(1633903988, NEW.year); RETURN NEW; END $$
        """
    )
    op.execute(
        "CREATE TRIGGER supporters_close_year BEFORE INSERT OR UPDATE ON supporters_financial_year "
        "FOR EACH ROW EXECUTE FUNCTION supporters_close_year()"
    )
    op.execute(
        """
        CREATE FUNCTION supporters_reversed_at_most() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          PERFORM 1 FROM supporters_gift WHERE id = NEW.gift_id FOR UPDATE;
          IF (SELECT sum(amount) FROM supporters_reversal WHERE gift_id = NEW.gift_id)
             > (SELECT amount FROM supporters_gift WHERE id = NEW.gift_id) THEN
            RAISE EXCEPTION 'more would go back than gift % brought', NEW.gift_id USING ERRCODE = 'integrity_constraint_violation';
          END IF;
          RETURN NULL;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER supporters_reversed_at_most AFTER INSERT ON supporters_reversal "
        "FOR EACH ROW EXECUTE FUNCTION supporters_reversed_at_most()"
    )
    op.execute(
        """
        CREATE FUNCTION supporters_designated_whole() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE gift bigint;
        BEGIN
          IF TG_TABLE_NAME = 'supporters_gift' THEN gift := NEW.id; ELSE gift := NEW.gift_id; END IF;
          IF (SELECT coalesce(sum(amount), 0) FROM supporters_designation WHERE gift_id = gift)
             <> (SELECT amount FROM supporters_gift WHERE id = gift) THEN
            RAISE EXCEPTION 'the designations of gift % do not add up to it', gift USING ERRCODE = 'integrity_constraint_violation';
          END IF;
          RETURN NULL;
        END $$
        """
    )
    for table in ("gift", "designation"):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER supporters_designated_whole AFTER INSERT ON supporters_{table} "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION supporters_designated_whole()"
        )


def _sqlite() -> None:
    for name, table, event, message in _names():
        op.execute(f"CREATE TRIGGER {name} BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, '{message}'); END")
    for table, column in POSTINGS:
        op.execute(
            f"""
            CREATE TRIGGER supporters_open_year_{table} BEFORE INSERT ON supporters_{table}
            WHEN EXISTS (SELECT 1 FROM supporters_financial_year
                         WHERE closed_at IS NOT NULL AND year = CAST(strftime('%Y', NEW.{column}) AS integer))
            BEGIN SELECT RAISE(ABORT, 'the financial year is closed'); END
            """
        )
    op.execute(
        """
        CREATE TRIGGER supporters_reversed_at_most AFTER INSERT ON supporters_reversal
        WHEN (SELECT sum(amount) FROM supporters_reversal WHERE gift_id = NEW.gift_id)
             > (SELECT amount FROM supporters_gift WHERE id = NEW.gift_id)
        BEGIN SELECT RAISE(ABORT, 'more would go back than the gift brought'); END
        """
    )
