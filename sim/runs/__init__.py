"""Running scenarios, and the runs that come of it."""
