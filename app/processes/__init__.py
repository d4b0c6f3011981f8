"""A process tree: start it, pause it, end it whole, find what is left of it."""
