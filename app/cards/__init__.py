"""Model cards over HTTP: what the record says of a model, for people and for machines."""
