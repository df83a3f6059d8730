"""The one model client: calls, replies, endpoints, retries, what a server can do."""
