"""What Celery calls: three lines, since a message is a doorbell and never work (DESIGN D1)."""

from worker.celery import app


@app.task(name="taskgraft.ring")  # type: ignore[untyped-decorator]  # Celery publishes no types
def ring(queue: str) -> None:
    """Wake the slot of ``queue``."""
    app.slots.ring(queue)
