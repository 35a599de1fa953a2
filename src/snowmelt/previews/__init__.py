"""Previews: what a definition would have given over recent events."""
