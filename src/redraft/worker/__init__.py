"""Where rooms are wired together: one process that does one verb."""
