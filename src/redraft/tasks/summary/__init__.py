"""The task summary (DeepSynth): the pages of a long document to its summary."""
