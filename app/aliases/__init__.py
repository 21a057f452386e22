"""Aliases over HTTP: names that stand for models, moved atomically, with a history."""
