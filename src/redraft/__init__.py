"""redraft: vision-language models that turn pictures back into what they show, with every answer checked."""

__version__ = "0.1.0"
