"""The HTTP face of the inference room."""
