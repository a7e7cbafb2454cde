"""Examples at rest: write, read, split, fingerprint, check, import, export. Drawing is handed in by the task."""
