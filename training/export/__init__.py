"""From a run to a model that serves: small matrices merged into whole weights, or handed on as they are."""
