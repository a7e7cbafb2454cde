"""Starts work in a process of its own and listens to it."""
