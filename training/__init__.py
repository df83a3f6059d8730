"""Trains refiners: data, rewards, trainer, recipes, and what shows that a policy learns."""
