"""Refining many requests: files of rows in, files of rows out, resumable."""
