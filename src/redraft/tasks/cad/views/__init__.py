"""Front, top and right view as line drawings."""
