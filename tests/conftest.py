"""Settings of all tests."""

from hypothesis import settings
from tests.model_servers import llama_server, tiny_qwen3

__all__ = ["llama_server", "tiny_qwen3"]  # fixtures for all tests

# No deadline: a slow machine is no failure. The same examples in every run, so that a red test stays red.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")
