"""The roll-up of events: exact counts and distinct people by region, series and minute, in bounded state."""
