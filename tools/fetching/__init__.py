"""Pages that a search found, read: safely, politely, and only where asked for."""
