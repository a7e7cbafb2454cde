"""The REST routes. Every module here brings a `router`; none is listed anywhere."""
