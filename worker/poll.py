"""``python -m worker.poll``: a worker without a broker. The slots are the same; only the doorbell is missing."""

import queue
import signal

from worker import log
from worker.settings import WorkerSettings
from worker.slots import Slots


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    log.configure()
    stop: queue.SimpleQueue[int] = queue.SimpleQueue()
    slots = Slots(WorkerSettings())  # type: ignore[call-arg]  # from the environment
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stop.put(number))
    slots.start()
    stop.get()
    slots.stop()


if __name__ == "__main__":
    main()
