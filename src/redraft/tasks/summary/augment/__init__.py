"""Augmentation: one document's pages in many ways, all of them readable."""
