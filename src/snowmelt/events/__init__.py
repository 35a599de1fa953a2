"""The canonical event: its columns, its two texts, and the identifiers and paths that lead into it."""
