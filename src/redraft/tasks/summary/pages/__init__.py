"""Pages: a document laid out, drawn, and reported on."""
