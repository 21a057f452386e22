"""Models over HTTP: list, show, lineage, download, delete."""
