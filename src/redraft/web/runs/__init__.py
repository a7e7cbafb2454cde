"""Runs as the API shows them: figures, samples, comparison."""
