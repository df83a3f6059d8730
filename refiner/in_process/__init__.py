"""Models that run in this process: transformers, and vLLM without a server."""
