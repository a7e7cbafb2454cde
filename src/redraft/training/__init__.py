"""The loop, its order, normalisation, state and checkpoints. Knows no task and no database."""
