"""Rules over attributes: when an intervention fires, for whom, and with what."""
