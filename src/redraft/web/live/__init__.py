"""Live events: one reading of the event table, given to many listeners."""
