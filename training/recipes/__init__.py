"""What decides a training run: recipes, the ones that come with the package, and whether they can be run."""
