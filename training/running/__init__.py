"""The parts of a training job: its folder, its data, its model, what watches it, what stops it."""
