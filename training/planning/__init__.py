"""What a training run will take, worked out before anything is loaded."""
