"""Documents as data: blocks, and the readers of text, Markdown and PDF."""
