"""Interventions, event logs and agentic decisions; ids of stored values for all kinds of definitions."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    # Statements in place: a copy of the table would lose the sequence that keeps its ids from being used again.
    op.execute("ALTER TABLE states RENAME COLUMN group_name TO name")
    op.execute("ALTER TABLE states RENAME COLUMN group_version TO version")
    op.add_column("states", sa.Column("kind", sa.String(32), nullable=False, server_default="attribute_group"))
    op.create_table(
        "interventions",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("is_published", sa.Boolean, nullable=False),
        sa.Column("state_id", sa.Integer, nullable=True),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("updated_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("name", "version", name="pk_interventions"),
        sa.ForeignKeyConstraint(["state_id"], ["states.id"], name="fk_interventions_state_id"),
        sa.UniqueConstraint("state_id", name="uq_interventions_state_id"),
    )
    for table in ("event_logs", "agentic_decisions"):
        op.create_table(
            table,
            sa.Column("name", sa.String(128), nullable=False),
            sa.Column("draft", sa.Text, nullable=True),
            sa.Column("live", sa.Text, nullable=True),
            sa.Column("state_id", sa.Integer, nullable=True),
            sa.Column("created_at", sa.DateTime, nullable=False),
            sa.Column("updated_at", sa.DateTime, nullable=False),
            sa.PrimaryKeyConstraint("name", name=f"pk_{table}"),
            sa.ForeignKeyConstraint(["state_id"], ["states.id"], name=f"fk_{table}_state_id"),
            sa.UniqueConstraint("state_id", name=f"uq_{table}_state_id"),
        )


def downgrade() -> None:
    for table in ("agentic_decisions", "event_logs", "interventions"):
        op.drop_table(table)
    op.execute("DELETE FROM states WHERE kind <> 'attribute_group'")
    op.drop_column("states", "kind")
    op.execute("ALTER TABLE states RENAME COLUMN version TO group_version")
    op.execute("ALTER TABLE states RENAME COLUMN name TO group_name")
