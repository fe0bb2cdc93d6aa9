"""Show what givers say of themselves, send them news, and tell what an edition is about

Revision ID: campaigns_0006
Revises: campaigns_0005
Create Date: 2026-11-27 06:09:00
"""

import sqlalchemy as sa
from alembic import op


revision = 'campaigns_0006'
down_revision = 'campaigns_0005'
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.add_column('campaigns_credit', sa.Column('heard', sa.String(length=40), nullable=True))

    op.add_column('campaigns_edition', sa.Column('story', sa.Text(), server_default=sa.text("''"), nullable=False))

    op.create_table('campaigns_wall_post',
    sa.Column('id', _KEY, nullable=False),
    sa.Column('edition_id', _KEY, nullable=False),
    sa.Column('gift_id', _KEY, nullable=False),
    sa.Column('checkout_id', _KEY, nullable=False),
    sa.Column('state', sa.String(length=40), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('message', sa.Text(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decided_by', sa.String(length=255), nullable=True),
    sa.CheckConstraint("(state = 'waiting') = (decided_by IS NULL)", name=op.f('ck_campaigns_wall_post_decided')),
    sa.CheckConstraint("state = 'shown' OR (name = '' AND message = '')", name=op.f('ck_campaigns_wall_post_clear_only_when_shown')),
    sa.CheckConstraint("state IN ('waiting', 'shown', 'refused', 'taken_off')", name=op.f('ck_campaigns_wall_post_state')),
    sa.ForeignKeyConstraint(['checkout_id'], ['supporters_checkout.id'], name=op.f('fk_campaigns_wall_post_checkout_id')),
    sa.ForeignKeyConstraint(['edition_id'], ['campaigns_edition.id'], name=op.f('fk_campaigns_wall_post_edition_id')),
    sa.ForeignKeyConstraint(['gift_id'], ['supporters_gift.id'], name=op.f('fk_campaigns_wall_post_gift_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_campaigns_wall_post')),
    sa.UniqueConstraint('checkout_id', name=op.f('uq_campaigns_wall_post_checkout_id')),
    sa.UniqueConstraint('gift_id', name=op.f('uq_campaigns_wall_post_gift_id'))
    )
    with op.batch_alter_table('campaigns_wall_post', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_campaigns_wall_post_edition_id_state_id'), ['edition_id', 'state', 'id'], unique=False)

    op.create_table('campaigns_edition_update',
    sa.Column('id', _KEY, nullable=False),
    sa.Column('edition_id', _KEY, nullable=False),
    sa.Column('title', sa.String(length=255), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('written_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('written_by', sa.String(length=255), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('sent_by', sa.String(length=255), nullable=True),
    sa.Column('recipients', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['edition_id'], ['campaigns_edition.id'], name=op.f('fk_campaigns_edition_update_edition_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_campaigns_edition_update'))
    )
    with op.batch_alter_table('campaigns_edition_update', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_campaigns_edition_update_edition_id_id'), ['edition_id', 'id'], unique=False)


def downgrade() -> None:
    raise NotImplementedError("There is no way back from a migration: restore the backup that you made before it.")
