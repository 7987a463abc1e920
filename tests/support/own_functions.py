"""Activations as a user writes them, each with the built-in one that it equals: `TWINS`."""

import torch


def by_autograd(u):
    return torch.tanh(u)


def bent(u):
    return torch.where(u > 0, u, 0.01 * u)


def written_out(u):
    return u / (1 + torch.exp(-u))


def written_out_derivative(u):
    s = 1 / (1 + torch.exp(-u))
    return s * (1 + u * (1 - s))


def steep(u):
    return u * u * u


def steep_derivative(u):
    return 3 * u * u


TWINS = {"by_autograd": "tanh", "bent": "leaky_relu", "written_out": "silu", "steep": "cube"}
