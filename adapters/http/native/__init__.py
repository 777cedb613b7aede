"""Document 002, the native API."""
