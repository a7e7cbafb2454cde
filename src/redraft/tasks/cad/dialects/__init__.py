"""The text forms of a program."""
