"""Grades as a page for people to read."""
