"""Transfer: a stored model is the source of the next one."""

from typing import Any

from taskgraft.demo.stage import Stage, columns_of

_LABELLED = 40  # rows of the new task, of which every third validates


def transfer(stage: Stage) -> None:
    """A network that tells the digits 0 to 4 apart learns 5 to 9 from few rows, beside the same network from scratch."""
    stage.console.rule("3. Transfer: from the digits 0-4 to the digits 5-9, forty labelled rows")
    source = stage.upload("digits 0-4", _digits(range(5)))
    trained = stage.run(
        {
            "kind": "multitask",
            "name": "digits 0-4",
            "tasks": [{"dataset": source["id"], "target": "digit"}],
            "training": {"epochs": 40},
            "baselines": False,
        }
    )
    target = stage.upload("digits 5-9", _digits(range(5, 10), labelled=_LABELLED))
    done = stage.run(
        {
            "kind": "transfer",
            "name": "digits 5-9",
            "source": trained["model"],
            "task": {"dataset": target["id"], "target": "digit"},
            "method": {"name": "l2_sp"},
            "training": {"epochs": 60, "batch_size": 16},
            "split": {"column": "split"},
        }
    )
    forgetting = done["result"]["forgetting"]["tasks"]["digit"]
    stage.say(
        f"What it costs the source's digits: accuracy {forgetting['before']:.3f} before, {forgetting['after']:.3f} after."
    )


def _digits(which: range, *, labelled: int | None = None) -> dict[str, list[Any]]:
    """The digits of ``which``; with ``labelled`` a split column leaves so many for training and validation."""
    import numpy as np
    from sklearn.datasets import load_digits

    table = load_digits()
    kept = np.random.default_rng(0).permutation(np.flatnonzero(np.isin(table.target, list(which))))
    columns = {name: np.array(values)[kept].tolist() for name, values in columns_of(table).items()}
    columns["digit"] = [f"digit {value}" for value in table.target[kept]]
    if labelled is not None:
        sides = ["validation" if i % 3 == 2 else "train" for i in range(labelled)]
        columns["split"] = sides + ["test"] * (len(kept) - labelled)
    return columns
