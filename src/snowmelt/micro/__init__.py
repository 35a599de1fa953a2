"""What became of events, for the test suites of those who send them."""
