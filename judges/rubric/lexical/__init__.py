"""The lexical rubric judge."""
