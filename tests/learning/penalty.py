import torch


def penalty(weights, *, l1, l2):
    """λ₁ Σ|θ| + λ₂ Σ θ², as it is written."""
    return torch.stack([l1 * weight.abs().sum() + l2 * weight.square().sum() for weight in weights]).sum()
