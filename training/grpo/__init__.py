"""The trainer: TRL's, with advantages that know missing rewards, and checkpoints that resume exactly."""
