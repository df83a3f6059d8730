"""The prompts: one file a part, and what fits them to a token budget."""
