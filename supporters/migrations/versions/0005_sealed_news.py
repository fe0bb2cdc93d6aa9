"""Keep the news of gateways sealed

A gateway writes into its news who paid. What came before this has no key at hand here, and is wanted by nobody but who
reads it: its bytes are deleted. What it is about stays, its name, kind and key, so it is looked at like any other, and
so does how long it was. What a mandate's ``gateway`` said, its account says too.

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-25 16:50:12.408811
"""

import sqlalchemy as sa
from alembic import op

from supporters.migrations.rebuilding import rebuild


revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('supporters_notification', sa.Column('sealed_body', sa.LargeBinary(), nullable=True))
    op.add_column('supporters_notification', sa.Column('size', sa.Integer(), nullable=True))
    # Emptied, and not only dropped: PostgreSQL leaves what was in a column where it is until the row is written anew.
    op.execute("UPDATE supporters_notification SET size = length(body), body = ''")
    if op.get_bind().dialect.name == 'sqlite':
        rebuild(op.get_bind(), 'supporters_notification', _sealed)
    else:
        op.alter_column('supporters_notification', 'size', existing_type=sa.Integer(), nullable=False)
        op.drop_column('supporters_notification', 'body')
    op.drop_column('supporters_gateway_mandate', 'gateway')


def _sealed(sql: str) -> str:
    for said, says in (('\tbody BLOB NOT NULL, \n', ''), ('size INTEGER', 'size INTEGER NOT NULL')):
        if said not in sql:
            raise ValueError(f'supporters_notification is not as an earlier version left it: {said}')
        sql = sql.replace(said, says, 1)
    return sql


def downgrade() -> None:
    raise NotImplementedError("There is no way back from a migration: restore the backup that you made before it.")
