"""Schemas: where they come from, and what they say about data."""
