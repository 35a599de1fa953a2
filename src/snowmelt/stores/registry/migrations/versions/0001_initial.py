"""The first tables."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "attribute_keys",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("is_published", sa.Boolean, nullable=False),
        sa.Column("is_built_in", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("updated_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_attribute_keys"),
    )
    op.create_table(
        "states",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("group_name", sa.String(128), nullable=False),
        sa.Column("group_version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_states"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "attribute_groups",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("is_published", sa.Boolean, nullable=False),
        sa.Column("attribute_key", sa.String(128), nullable=False),
        sa.Column("state_id", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("updated_at", sa.DateTime, nullable=False),
        sa.Column("published_at", sa.DateTime, nullable=True),
        sa.PrimaryKeyConstraint("name", "version", name="pk_attribute_groups"),
        sa.ForeignKeyConstraint(["state_id"], ["states.id"], name="fk_attribute_groups_state_id"),
        sa.UniqueConstraint("state_id", name="uq_attribute_groups_state_id"),
    )
    op.create_index("ix_attribute_groups_attribute_key", "attribute_groups", ["attribute_key"])
    op.create_table(
        "services",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("is_published", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("updated_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_services"),
    )
    op.create_table(
        "service_groups",
        sa.Column("service", sa.String(128), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("group_name", sa.String(128), nullable=False),
        sa.Column("group_version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("service", "position", name="pk_service_groups"),
        sa.ForeignKeyConstraint(["service"], ["services.name"], name="fk_service_groups_service", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["group_name", "group_version"],
            ["attribute_groups.name", "attribute_groups.version"],
            name="fk_service_groups_group_name_group_version",
        ),
    )
    op.create_index("ix_service_groups_group_name_group_version", "service_groups", ["group_name", "group_version"])
    revision_table = op.create_table(
        "revision",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("value", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_revision"),
    )
    op.bulk_insert(revision_table, [{"id": 1, "value": 0}])


def downgrade() -> None:
    for table in ("revision", "service_groups", "services", "attribute_groups", "states", "attribute_keys"):
        op.drop_table(table)
