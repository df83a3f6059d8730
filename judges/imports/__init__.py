"""Answers that cite in other ways than by tags, read into what the tag parser gives."""
