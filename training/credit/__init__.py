"""Which tokens of an answer carry which advantage."""
