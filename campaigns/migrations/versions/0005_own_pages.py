"""Let people start a page of their own, with a picture, by a mailed link

Revision ID: campaigns_0005
Revises: campaigns_0004
Create Date: 2026-11-26 16:40:12.330918
"""

import sqlalchemy as sa
from alembic import op


revision = 'campaigns_0005'
down_revision = 'campaigns_0004'
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    with op.batch_alter_table('campaigns_fundraising_page', schema=None) as batch_op:
        batch_op.add_column(sa.Column('changed_at', sa.DateTime(timezone=True), nullable=True))

    op.create_table('campaigns_page_request',
    sa.Column('id', _KEY, nullable=False),
    sa.Column('edition_id', _KEY, nullable=False),
    sa.Column('team_id', _KEY, nullable=True),
    sa.Column('nonce', sa.BigInteger(), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=True),
    sa.Column('sealed_address', sa.LargeBinary(), nullable=True),
    sa.Column('address_key', sa.LargeBinary(length=32), nullable=True),
    sa.Column('locale', sa.String(length=2), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('page_id', _KEY, nullable=True),
    sa.CheckConstraint('(page_id IS NULL) = (sealed IS NOT NULL)', name=op.f('ck_campaigns_page_request_sealed')),
    sa.CheckConstraint('(sealed IS NULL) = (address_key IS NULL)', name=op.f('ck_campaigns_page_request_address_key')),
    sa.CheckConstraint('(sealed IS NULL) = (sealed_address IS NULL)', name=op.f('ck_campaigns_page_request_sealed_address')),
    sa.ForeignKeyConstraint(['edition_id'], ['campaigns_edition.id'], name=op.f('fk_campaigns_page_request_edition_id')),
    sa.ForeignKeyConstraint(['page_id'], ['campaigns_fundraising_page.id'], name=op.f('fk_campaigns_page_request_page_id')),
    sa.ForeignKeyConstraint(['team_id'], ['campaigns_team.id'], name=op.f('fk_campaigns_page_request_team_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_campaigns_page_request'))
    )
    with op.batch_alter_table('campaigns_page_request', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_campaigns_page_request_address_key'), ['address_key'], unique=False)
        batch_op.create_index(batch_op.f('ix_campaigns_page_request_asked_at'), ['asked_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_campaigns_page_request_page_id'), ['page_id'], unique=False)

    op.create_table('campaigns_page_picture',
    sa.Column('id', _KEY, nullable=False),
    sa.Column('page_id', _KEY, nullable=False),
    sa.Column('state', sa.String(length=40), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.Column('width', sa.Integer(), nullable=False),
    sa.Column('height', sa.Integer(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decided_by', sa.String(length=255), nullable=True),
    sa.CheckConstraint("(state = 'waiting') = (decided_by IS NULL)", name=op.f('ck_campaigns_page_picture_decided')),
    sa.CheckConstraint("state IN ('waiting', 'shown', 'refused')", name=op.f('ck_campaigns_page_picture_state')),
    sa.ForeignKeyConstraint(['page_id'], ['campaigns_fundraising_page.id'], name=op.f('fk_campaigns_page_picture_page_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_campaigns_page_picture')),
    sa.UniqueConstraint('page_id', 'state', name=op.f('uq_campaigns_page_picture_page_id_state'))
    )


def downgrade() -> None:
    raise NotImplementedError("There is no way back from a migration: restore the backup that you made before it.")
