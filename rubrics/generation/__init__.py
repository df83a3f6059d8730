"""Criteria for one question, written by a strong model, and checked before any of them is kept."""
