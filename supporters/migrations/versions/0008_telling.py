"""Keep what somebody tells along with a gift: a name and a message to show, and how they heard of it

Revision ID: 0008
Revises: 0007
Create Date: 2026-11-27 06:08:00
"""

import sqlalchemy as sa
from alembic import op


revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('supporters_checkout', sa.Column('sealed_telling', sa.LargeBinary(), nullable=True))
    op.add_column('supporters_checkout', sa.Column('heard', sa.String(length=40), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("There is no way back from a migration: restore the backup that you made before it.")
