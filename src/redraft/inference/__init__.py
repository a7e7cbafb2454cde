"""One predictor, shared by evaluation and serving."""
