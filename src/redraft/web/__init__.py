"""REST over jobs, datasets, models and runs, and the page: an empty room yet."""
