"""What all rooms agree on: examples, scores, tasks, recipes, events and errors."""
