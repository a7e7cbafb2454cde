"""A task that makes nothing: its one verb waits, as a long piece of work does."""
