"""J1: from the POST of a tiny job to its end, baselines on, against H2O-3's REST interface in the same run."""

import os
import time
from contextlib import ExitStack

from benchmarks import h2o
from benchmarks.harness import Record, figure, ratios, take_turns, write
from benchmarks.served import breast_cancer, service, tiny_job
from taskgraft import Taskgraft

EPOCHS, ROUNDS = 20, 15


def seconds(client: Taskgraft, dataset: str, *, baselines: bool) -> float:
    began = time.perf_counter()
    client.result(client.submit(tiny_job(dataset, epochs=EPOCHS, baselines=baselines))["id"])
    return time.perf_counter() - began


def main() -> None:
    columns = breast_cancer()
    cores = len(os.sched_getaffinity(0))
    with ExitStack() as stack:
        client = stack.enter_context(service(TASKGRAFT_THREADS="1"))
        dataset = client.upload(columns, name="breast-cancer")["id"]
        sides = {
            "taskgraft, six baselines": lambda: seconds(client, dataset, baselines=True),
            "taskgraft, no baselines": lambda: seconds(client, dataset, baselines=False),
        }
        server = h2o.jar()
        if server is not None:
            rival = stack.enter_context(h2o.running(server, threads=cores))
            rival.upload(columns)
            sides["h2o"] = lambda: rival.train("diagnosis", widths=[128, 128], epochs=EPOCHS)
        # H2O's Java compiles itself while it runs: give it time to
        samples = take_turns(sides, rounds=ROUNDS, warmups=3)
    figures = [figure("seconds, six baselines", samples["taskgraft, six baselines"], unit="s")]
    notes = [f"569 rows, MLP 128-128, {EPOCHS} epochs; POST to `succeeded`, the table uploaded before."]
    if server is None:
        notes.append("The H2O side did not run: it needs Java and `make bench-h2o`.")
    else:
        ours, theirs = samples["taskgraft, six baselines"], samples["h2o"]
        figures.insert(0, figure("H2O's time over ours, our six baselines on", ratios(theirs, ours), least=3))
        figures.insert(
            1, figure("the same, our baselines off as H2O has none", ratios(theirs, samples["taskgraft, no baselines"]))
        )
        notes.append(f"H2O-3 has {cores} threads, one model, no baselines; our attempt has one thread.")
    write(
        Record(
            name="j1",
            question="a tiny job (breast cancer) from POST to `succeeded`, against H2O-3's REST",
            figures=figures,
            samples=samples,
            notes=notes,
        )
    )


if __name__ == "__main__":
    main()
