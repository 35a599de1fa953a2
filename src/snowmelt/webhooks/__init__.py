"""Webhooks: every intervention that is sent, posted to endpoints of others, signed, until they take it."""
