"""Runs of other agents as request rows: their questions, and what their tools found."""
