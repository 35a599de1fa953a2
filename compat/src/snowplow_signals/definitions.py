"""Shorthands for the events of every tracker, under the public SDK's path."""

from snowmelt import PagePing, PageView, StructuredEvent

__all__ = ["PagePing", "PageView", "StructuredEvent"]
