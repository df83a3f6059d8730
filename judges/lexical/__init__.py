"""The lexical judge."""
