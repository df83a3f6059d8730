"""The research agent: plan, search, read, refine, as steps over one JSON-native state."""
