"""A group's shared prompt is computed once: answers of one prompt are scored, with gradients, in one packed row."""
