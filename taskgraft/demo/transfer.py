"""Transfer: a stored model is the source of the next one."""

from typing import Any

from taskgraft.demo.stage import Stage, columns_of

_LABELLED = 40  # rows of the new table, of which every third validates


def transfer(stage: Stage) -> None:
    """A network that reads the digits of one scanner learns those of a darker, uneven one from few rows."""
    stage.console.rule("3. Transfer: who reads one scanner learns to read another")
    first, second = _scanners()
    source = stage.upload("first scanner", first)
    trained = stage.run(
        {
            "kind": "multitask",
            "name": "first scanner",
            "tasks": [{"dataset": source["id"], "target": "digit"}],
            "training": {"epochs": 40},
            "baselines": False,
        }
    )
    target = stage.upload("second scanner", second)
    done = stage.run(
        {
            "kind": "transfer",
            "name": "second scanner",
            "source": trained["model"],
            "task": {"dataset": target["id"], "target": "digit"},
            "method": {"name": "l2_sp"},
            "training": {"epochs": 60, "batch_size": 16},
            "split": {"column": "split"},
        }
    )
    kept = done["result"]["forgetting"]["tasks"]["digit"]
    stage.say(f"What it costs the first scanner: accuracy {kept['before']:.3f} before, {kept['after']:.3f} after.")


def _scanners() -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """1,797 digits of 64 pixels: half as they are, half darker, unevenly, with labels to learn from in 40 rows."""
    import numpy as np
    from sklearn.datasets import load_digits

    table, rng = load_digits(), np.random.default_rng(0)
    order = rng.permutation(len(table.target))
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    columns = columns_of(table)
    first, second = (
        {name: np.array(values)[rows] for name, values in columns.items()}
        | {"digit": np.array([f"digit {value}" for value in table.target[rows]])}
        for rows in halves
    )
    for name in columns:
        second[name] = second[name] * rng.uniform(0.2, 0.8, len(halves[1]))  # the ink comes out unevenly
    sides = ["validation" if i % 3 == 2 else "train" for i in range(_LABELLED)]
    second["split"] = np.array(sides + ["test"] * (len(halves[1]) - _LABELLED))
    return {name: own.tolist() for name, own in first.items()}, {name: own.tolist() for name, own in second.items()}
