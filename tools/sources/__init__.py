"""Sources of evidence by name: scholarly services, search engines, other people's tools."""
