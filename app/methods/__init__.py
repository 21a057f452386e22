"""Methods over HTTP: list."""
