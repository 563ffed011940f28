"""The trace to which a job's work belongs"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("trace", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "trace")
