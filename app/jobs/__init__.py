"""Jobs over HTTP: submit, follow, cancel."""
