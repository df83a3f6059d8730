"""A small grid of training runs over several seeds, and one table of what they came to."""
