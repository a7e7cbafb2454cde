"""What the service remembers, in SQL: jobs and their events, datasets, runs, checkpoints, evaluations, models."""
