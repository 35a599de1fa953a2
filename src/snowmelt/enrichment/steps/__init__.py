"""One enrichment each: what it adds to an event, and when it fails one."""
