"""Recording a run, every tool response and model output, and playing it back without a network."""
