"""Let others refer to a gift of which money goes back at the moment

What matches a gift, or counts it, refers to its row. The rule that no more goes back than came in locked the row against
that too, so that two returns of one campaign could wait for each other.

Revision ID: 0007
Revises: 0006
Create Date: 2026-11-26 02:26:00
"""

from alembic import op


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

_AT_MOST = """
    CREATE OR REPLACE FUNCTION supporters_reversed_at_most() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM 1 FROM supporters_gift WHERE id = NEW.gift_id FOR NO KEY UPDATE;
      IF (SELECT sum(amount) FROM supporters_reversal WHERE gift_id = NEW.gift_id)
         > (SELECT amount FROM supporters_gift WHERE id = NEW.gift_id) THEN
        RAISE EXCEPTION 'more would go back than gift % brought', NEW.gift_id USING ERRCODE = 'integrity_constraint_violation';
      END IF;
      RETURN NULL;
    END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        op.execute(_AT_MOST)


def downgrade() -> None:
    raise NotImplementedError("There is no way back from a migration: restore the backup that you made before it.")
