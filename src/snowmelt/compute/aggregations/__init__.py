"""What can be kept of a stream of events: one small class for each aggregation, all under one contract."""
