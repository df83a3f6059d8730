"""Settings of all tests."""

import signal

from hypothesis import settings
from tests.model_servers import llama_server, tiny_qwen3

__all__ = ["llama_server", "tiny_qwen3"]  # fixtures for all tests

# No deadline: a slow machine is no failure. The same examples in every run, so that a red test stays red.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")

# A shell that starts the suite in the background has it ignore Ctrl-C, and so all programs that the tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
