"""Model families: load, freeze, adapt, encode an example, collate a batch."""
