"""Training data: rows, prompts, splits, and how rows are made of questions."""
