"""From recorded requests to canonical events, or to failed events that say why not."""
