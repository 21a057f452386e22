"""Meta-learning: a model that learns a new task from ten points, in one request."""

from typing import Any

from taskgraft.demo.stage import Stage

_WAVES, _POINTS, _SHOTS = 2_000, 20, 10


def meta(stage: Stage) -> None:
    """Two thousand waves of twenty points teach a network to learn a wave; then it meets a new one."""
    stage.console.rule("4. Meta-learning: 2,000 waves, then a new one from ten points")
    wave = _waves(_WAVES + 1)
    new = {name: values[-_POINTS:] for name, values in wave.items()}
    dataset = stage.upload("waves", {name: values[:-_POINTS] for name, values in wave.items()})
    done = stage.run(
        {
            "kind": "meta",
            "name": "waves",
            "tasks": {
                "dataset": dataset["id"],
                "group_by": ["wave"],
                "targets": [{"target": "y", "type": "regression"}],
            },
            "shots": _SHOTS,
            "queries": _POINTS - _SHOTS,
            "network": {"name": "mlp", "widths": [40, 40], "dropout": 0.0},
            "method": {"name": "maml", "inner_rate": 0.01},
            "training": {"iterations": 5_000, "learning_rate": 0.005, "schedule": "cosine", "tasks_per_batch": 25},
        }
    )
    answer = stage.service.adapt(
        done["model"],
        support={"columns": {name: new[name][:_SHOTS] for name in ("x", "y")}},
        target="y",
        query={"columns": {"x": new["x"][_SHOTS:]}},
        steps=5,
        name="one wave",
    )
    stage.say(
        f"POST /v1/models/{done['model']}/adaptations with {_SHOTS} points of a wave nobody trained on: "
        f"{answer['model']['id']} after {1000 * answer['seconds']:.1f} ms"
    )
    for asked, told, truth in zip(
        new["x"][_SHOTS:], answer["predictions"]["y"]["values"], new["y"][_SHOTS:], strict=True
    ):
        stage.say(f"  x = {asked:+.2f}: {told:+.2f}; in truth {truth:+.2f}")


def _waves(count: int) -> dict[str, list[Any]]:
    """Waves y = A sin(x − φ), each of `_POINTS` points, as columns."""
    import numpy as np

    rng = np.random.default_rng(0)
    amplitude, phase = rng.uniform(0.1, 5.0, (count, 1)), rng.uniform(0.0, np.pi, (count, 1))
    x = rng.uniform(-5.0, 5.0, (count, _POINTS))
    y = amplitude * np.sin(x - phase)
    names = [f"wave {number}" for number in np.repeat(np.arange(count), _POINTS)]
    return {"wave": names, "x": x.ravel().tolist(), "y": y.ravel().tolist()}
