"""Answers of models in a process that keeps them: HTTP on a Unix socket that only its owner can open."""
