"""Learning several tasks together: how they share (``sharing``) and how their losses are weighed (``balancing``)."""
