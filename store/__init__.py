"""The database and the artifacts: what is stored, and who may change it when."""
