"""Compares judges with labels that people gave, and keeps what came of it."""
