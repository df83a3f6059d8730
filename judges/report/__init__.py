"""Scores and comparisons as pages for people to read."""
