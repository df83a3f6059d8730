"""Grading answers by a rubric: cells, scores, the judges that fill cells, and what is done where they fail."""
