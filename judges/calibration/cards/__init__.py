"""Agreement of our own judges with public labelled sets: figures only."""
