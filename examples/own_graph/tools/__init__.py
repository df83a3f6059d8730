"""This program's own tools: the name collides with nothing of citerefine's."""
