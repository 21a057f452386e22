"""What a transfer job says: the result of a lone task, with training from scratch as what it is judged against."""

from collections.abc import Mapping
from typing import Any

from worker.training.result.summary import better_rivals

FROM_SCRATCH = "from_scratch"


def transferred(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task's entry in the words of a transfer: the same network alone is the same network from scratch."""
    baselines = {FROM_SCRATCH if name == "single_task" else name: value for name, value in entry["baselines"].items()}
    gains = {FROM_SCRATCH: entry["gains"]["single_task"], "best": entry["gains"]["best"]}
    return {**entry, "baselines": baselines, "gains": gains}


def sentence(entry: Mapping[str, Any]) -> str:
    """Return the result in a sentence or two; ``entry`` is one of `transferred`."""
    rivals = better_rivals([entry])
    gain, verdict = entry["gains"][FROM_SCRATCH], entry["verdict"]
    if verdict is None or gain is None:
        told = "The task could not be judged: there is no baseline from scratch, or there are too few test rows."
        return f"{told} {rivals}" if entry["baselines"] else told
    than = f"{abs(gain):.0%} {'lower' if gain >= 0 else 'higher'} than from scratch"
    words = {
        "helped": f"Transfer helped: the loss is {than}.",
        "hurt": f"Transfer hurt: the loss is {than}.",
        "neutral": f"Transfer made no difference: the loss is {than}.",
        "inconclusive": f"Whether transfer helped is inconclusive: the loss is {than}, within what chance can do.",
    }
    return f"{words[verdict]} {rivals}"
