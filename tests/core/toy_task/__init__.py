"""Counting dots: a third task in one folder, as small as a task can be. It shows where everything goes."""
