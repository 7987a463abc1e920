"""What a layer has to learn from: moments of the numbers that enter its matrix product.

Letters: R = S·G lanes, B examples, H units of the layer before, v [R, B, H] what they put out, μ = E v and C =
E (v − μ)(v − μ)ᵀ over the examples, λ eigenvalues of C, K = min(B, H).

The Hessian of a linear map with respect to its weights is E v vᵀ times what comes after it, so the spectrum of v says
how far apart the rates are at which its directions are learned, and a mean offset makes one of them steep (LeCun,
Kanter & Solla 1991, "Eigenvalues of covariance matrices: application to neural-network learning", PRL 66).

    offset_share     ‖μ‖²/E‖v‖²                       part of the second moment that the mean has
    top_share        greatest eigenvalue of E vvᵀ / E‖v‖²
    condition        greatest λ / least λ that is not 0, as they take it: what does not vary is not learned either
    effective_rank   (Σλ)²/Σλ²                        participation ratio, as in Daneshmand et al. 2020
    kurtosis         mean over units of m₄/m₂²         3 for a normal distribution; units that do not vary are left out
"""

import math

import torch
from torch import Tensor


def measure_inputs(v: Tensor) -> dict[str, Tensor]:
    """Return the numbers above, each [R], of the inputs v [R, B, H]; NaN in lanes with one that is not finite.

    They are taken in float64. An eigenvalue is 0 if it is below the greatest times max(B, H) times the rounding of the
    type of v, as of a matrix whose rank is counted.
    """
    rounding = torch.finfo(v.dtype).eps
    v_RBH = v.to(torch.float64, copy=True)
    mean_R1H = v_RBH.mean(1, True)
    finite_R = mean_R1H.isfinite().all(2).squeeze(1)  # one number that is not finite makes a mean that is not
    centred_RBH = v_RBH.sub_(mean_R1H)
    covariance_RKK, second_RKK = (matrix.nan_to_num_(0, 0, 0) for matrix in _multiply(centred_RBH, mean_R1H))
    spectrum_RK = torch.linalg.eigvalsh(covariance_RKK)
    greatest_R, trace_R = spectrum_RK[:, -1], covariance_RKK.diagonal(dim1=1, dim2=2).sum(1)
    varies_RK = spectrum_RK > (greatest_R * rounding * max(v.shape[1:]))[:, None]
    least_R = torch.where(varies_RK, spectrum_RK, math.inf).amin(1)
    offset_R = mean_R1H.square().sum((1, 2))
    numbers = {
        "offset_share": offset_R / (trace_R + offset_R),
        "top_share": torch.linalg.eigvalsh(second_RKK)[:, -1] / (trace_R + offset_R),
        "condition": torch.where(varies_RK.any(1), greatest_R / least_R, math.nan),
        "effective_rank": trace_R.square() / covariance_RKK.square().sum((1, 2)),
        "kurtosis": _measure_kurtosis(centred_RBH, mean_R1H.squeeze(1), rounding),
    }
    return {name: torch.where(finite_R, number, math.nan) for name, number in numbers.items()}


def _multiply(centred_RBH: Tensor, mean_R1H: Tensor) -> tuple[Tensor, Tensor]:
    """Return matrices [R, K, K] with the eigenvalues of C and of E v vᵀ, but for zeros.

    They are C itself and C + μμᵀ, or where there are fewer examples than units the products of the examples.
    """
    examples, units = centred_RBH.shape[1:]
    if units <= examples:
        covariance_RHH = centred_RBH.mT @ centred_RBH / examples
        return covariance_RHH, covariance_RHH + mean_R1H.mT @ mean_R1H
    v_RBH = centred_RBH + mean_R1H
    return centred_RBH @ centred_RBH.mT / examples, v_RBH @ v_RBH.mT / examples


def _measure_kurtosis(centred_RBH: Tensor, mean_RH: Tensor, rounding: float) -> Tensor:
    """Return the mean over units [R]; `centred_RBH` is lost."""
    squares_RBH = centred_RBH.square_()
    m2 = squares_RBH.mean(1)
    m4 = squares_RBH.square_().mean(1)
    # A mean of equal numbers is off by a few roundings.
    return torch.where(m2 > (16 * rounding * mean_RH).square(), m4 / m2.square(), math.nan).nanmean(1)
