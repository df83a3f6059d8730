"""The research agent: plan, search, read, refine, verify, as steps over one JSON-native state."""
