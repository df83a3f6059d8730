"""Verdicts of chat models: what they may write, how it is read, how sure they were, what is done where they fail."""
