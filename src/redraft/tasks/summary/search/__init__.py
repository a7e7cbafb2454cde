"""Style search: which page style buys the most quality per token of a model."""
