"""Wiring: the processes in which everything runs, and how they are started, watched and stopped."""
