"""One folder a task, found by `core.discovery`, never listed."""
