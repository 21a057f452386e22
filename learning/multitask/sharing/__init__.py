"""What tasks share. One file per method."""
