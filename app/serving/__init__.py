"""The HTTP server: cited answers for OpenAI clients, for programs, and on a web page."""
