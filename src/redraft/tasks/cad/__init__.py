"""Three views of a part to its editable program and its solid."""
