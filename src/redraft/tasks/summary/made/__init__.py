"""Documents made by the project: facts drawn from lists, written into text with filler, and told in a summary."""
