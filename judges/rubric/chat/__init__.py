"""A chat model as rubric judge: its prompt, what its verdicts count, its votes, and the test of whether it works."""
