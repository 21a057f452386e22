"""R1: CIFAR-10 over HTTP: a network that knows animals, moved to vehicles of which there are few pictures."""

import io
import zipfile
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.acceptance import arrays, data, mean, trained
from benchmarks.harness import Figure, Record, figure, write
from benchmarks.served import service
from taskgraft import Taskgraft

VEHICLES = frozenset({"airplane", "automobile", "ship", "truck"})
ANIMALS, TESTED = 15_000, 2_000
NETWORK = {"name": "conv4", "filters": 32}
SOURCE = {"epochs": 8, "batch_size": 64, "schedule": "cosine", "learning_rate": 0.002}
#: Labelled vehicles of CIFAR-10's 20,000 → the seeds and the epochs.
RUNS = {200: (5, 40), 2_000: (2, 15)}
#: The same → the study's transfer and scratch.
LABELLED = {200: (0.632, 0.452), 2_000: (0.774, 0.640)}
LEAST, MORE = 0.58, 0.10

Stored = Mapping[str, NDArray[Any]]


def archive(stored: Stored, kinds: Collection[str], *, train: int, seed: int = 0) -> bytes:
    """A zip of JPEG files of some kinds: so many to learn from, of which every fifth validates, and CIFAR-10's own test files."""
    names, random = [str(name) for name in stored["class_names"]], np.random.default_rng(seed)
    buffer, labels = io.BytesIO(), ["file,kind,split"]
    with zipfile.ZipFile(buffer, "w") as files:
        for part, count in (("train", train), ("test", TESTED)):
            raw, offset = stored[f"{part}_jpeg"].tobytes(), stored[f"{part}_offset"]
            kind = [names[label] for label in stored[f"{part}_labels"]]
            for place, i in enumerate(random.permutation([i for i, one in enumerate(kind) if one in kinds])[:count]):
                files.writestr(f"{part}{i:05}.jpg", raw[offset[i] : offset[i + 1]])
                side = "validation" if part == "train" and place % 5 == 4 else part
                labels.append(f"{part}{i:05}.jpg,{kind[i]},{side}")
        files.writestr("labels.csv", "\n".join(labels) + "\n")
    return buffer.getvalue()


def animals(client: Taskgraft, stored: Stored) -> dict[str, Any]:
    """The source: a finished job."""
    names = {str(name) for name in stored["class_names"]} - VEHICLES
    dataset = client.upload(archive(stored, names, train=ANIMALS), name="animals", media_type="application/zip")
    spec = {
        "kind": "multitask",
        "name": "animals",
        "tasks": [{"dataset": dataset["id"], "target": "kind"}],
        "network": NETWORK,
        "training": SOURCE,
        "split": {"column": "split"},
        "baselines": False,
    }
    return trained(client, spec)


def vehicles(client: Taskgraft, stored: Stored, source: str, labelled: int) -> dict[str, Any]:
    """The transfer: a finished job."""
    repeats, epochs = RUNS[labelled]
    dataset = client.upload(archive(stored, VEHICLES, train=labelled), name="vehicles", media_type="application/zip")
    spec = {
        "kind": "transfer",
        "name": f"{labelled} vehicles",
        "source": source,
        "task": {"dataset": dataset["id"], "target": "kind"},
        "method": {"name": "finetune"},
        "training": {"epochs": epochs, "batch_size": 32, "patience": 10},
        "split": {"column": "split"},
        "repeats": repeats,
    }
    return trained(client, spec)


def main() -> None:
    path = data("cifar10_jpeg_partA.npz")
    if path is None:
        return
    stored = arrays(path)
    with service() as client:
        source = animals(client, stored)
        jobs = {labelled: vehicles(client, stored, source["model"], labelled) for labelled in LABELLED}
    figures: list[Figure] = []
    samples: dict[str, list[float]] = {}
    seconds = source["result"]["seconds"]["total"]
    for labelled, (paper, paper_scratch) in LABELLED.items():
        task = jobs[labelled]["result"]["tasks"]["kind"]
        values, scratch = task["spread"]["values"], task["baselines"]["from_scratch"]["accuracy"]
        few = labelled == min(LABELLED)
        figures += [
            mean(
                f"{labelled} labelled vehicles: accuracy; study {paper:g}",
                values,
                least=LEAST if few else None,
                unit="accuracy",
            ),
            mean(
                f"{labelled} labelled vehicles: over the same network from scratch; study {paper - paper_scratch:.3f}",
                [value - scratch for value in values],
                least=MORE if few else None,
                unit="accuracy",
            ),
        ]
        samples |= {f"{labelled}, transfer": values, f"{labelled}, from scratch": [scratch]}
        seconds += jobs[labelled]["result"]["seconds"]["total"]
        print(f"  {labelled}: {task['verdict']}, {task['baselines']}")
    accuracy = source["result"]["tasks"]["kind"]["test"]["accuracy"]
    write(
        Record(
            name="r1",
            question="CIFAR-10: what knowing six animals gives to four vehicles of which few are labelled",
            figures=[*figures, figure("seconds of all attempts, with every rival", [seconds], unit="s")],
            samples=samples,
            notes=[
                f"METHODS R1 and 3.2: Conv4-32, {ANIMALS:,} animals (accuracy {accuracy:.3f}), then 200 vehicles, 1 % of CIFAR-10's, and "
                f"2,000; every fifth of them validates, {TESTED:,} test pictures, JPEGs of half of CIFAR-10, one thread. `finetune` under "
                f"{RUNS[200][0]} seeds (two with 2,000), mean and 95 % interval; from scratch the mean of as many, at least three.",
                "The study has six convolutions of 64 filters, 30,000 animals and the best of several cuts.",
            ],
        )
    )


if __name__ == "__main__":
    main()
