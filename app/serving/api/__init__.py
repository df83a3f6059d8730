"""What programs ask over HTTP: chat completions, rows to refine and to score."""
