"""Several sources as one: what they found, merged, ranked and cut to what fits the question."""
