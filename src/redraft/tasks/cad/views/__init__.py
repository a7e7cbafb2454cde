"""Views of a part: three line drawings to a common scale, written, read and laid out on a sheet."""
