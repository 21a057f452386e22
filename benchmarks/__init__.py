"""What TARGETS asks for, one file a question: ``make bench-j1``. Each prints its figures and writes ``results/<name>.json``."""
