"""Training steps of several phases: what a rollout is asked, and which of its answers the next one works on."""
