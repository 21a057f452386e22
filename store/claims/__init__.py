"""Jobs as their workers see them: claimed under a lease, written behind a fence, given back or rescued."""

from store.claims.fence import Checkpoint, Claim, Fence, checkpoints, claim, waiting
from store.claims.finish import finish
from store.claims.outcome import Finished, NewDataset, NewModel, Outcome
from store.claims.report import Renewal, renew, report
from store.claims.rescue import Lease, death, expired, leases, release, rescue

__all__ = [
    "Checkpoint",
    "Claim",
    "Fence",
    "Finished",
    "Lease",
    "NewDataset",
    "NewModel",
    "Outcome",
    "Renewal",
    "checkpoints",
    "claim",
    "death",
    "expired",
    "finish",
    "leases",
    "release",
    "renew",
    "report",
    "rescue",
    "waiting",
]
