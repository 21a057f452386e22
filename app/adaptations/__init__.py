"""Adaptation over HTTP: a few labelled rows in, a model of their own out, in one request."""
