"""Changes of the registry's tables from release to release, run by Alembic."""
