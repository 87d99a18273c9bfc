"""Who did what: events, and the log that keeps them."""
