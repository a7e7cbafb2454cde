"""Examples at rest: write, read, split, fingerprint, check, import and export."""
