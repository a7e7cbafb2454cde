"""Families of parts: drafts of histories on a lattice, before a kernel has proved them."""
