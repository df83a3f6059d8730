"""A chat model as support judge: its prompt, what it may reply, and what is done when it fails."""
