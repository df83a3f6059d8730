"""Requests to the services of others: paced, bounded, tried again within reason, kept, recorded and replayed."""
