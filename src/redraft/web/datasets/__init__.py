"""Datasets for the API: their rows, what is added and removed, and their examples."""
