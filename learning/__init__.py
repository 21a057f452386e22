"""Methods that learn tasks from each other: parameters, training and prediction, without HTTP or a database."""
