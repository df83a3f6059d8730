"""Rubrics for the rows of a file, written by a chat model."""
