"""Show a comment only where the words its signer agreed to name it

Revision ID: campaigns_0003
Revises: campaigns_0002
Create Date: 2026-12-01 09:12:44.118037
"""

import sqlalchemy as sa
from alembic import op


revision = 'campaigns_0003'
down_revision = 'campaigns_0002'
branch_labels = None
depends_on = None

_ADDED = {'campaigns_petition_wording': 'covers_comment', 'campaigns_publication': 'with_comment'}


def upgrade() -> None:
    for table, column in _ADDED.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column(column, sa.Boolean(), nullable=True))
        # Until now no text of the house named the comment, so none of those that were shown may stay.
        there = sa.table(table, sa.column(column, sa.Boolean()))
        op.execute(there.update().values({column: sa.false()}))
    shown = sa.table('campaigns_publication', sa.column('comment', sa.String()))
    op.execute(shown.update().where(shown.c.comment != '').values(comment=''))
    for table, column in _ADDED.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column(column, existing_type=sa.Boolean(), nullable=False)
            if column == 'with_comment':
                batch_op.create_check_constraint(
                    op.f('ck_campaigns_publication_comment_agreed'), "with_comment OR comment = ''"
                )


def downgrade() -> None:
    raise NotImplementedError("There is no way back from a migration: restore the backup that you made before it.")
