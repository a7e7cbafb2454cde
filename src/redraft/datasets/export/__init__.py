"""Datasets in the formats of other trainers."""
