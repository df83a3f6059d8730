"""The same reward for other trainers: one module a trainer, imported only by who has it."""
