"""The budget: which pages show a document to a model in the fewest tokens, and can still be read."""

from redraft.tasks.summary.budget.planner import Budget, plan

__all__ = ["Budget", "plan"]
