"""Solids: built, measured, compared, projected and exported in walled processes."""
