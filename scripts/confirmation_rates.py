"""How often a confirmation errs, by the shipped functions: python scripts/confirmation_rates.py [PROFILE …] [STORES].

A store explores two arms that are equally good at every learning rate, on ten paired seeds; `choose_rates` freezes a
rate of each arm; fresh seeds are drawn at these rates, `find_counted` says which of them count, and `test_alone` and
`adjust_exclusive` test them. Printed, as a table in Markdown:

    explored     first look, by the cross-fitted choice and the plain sign-flip test
    advice       the same, having added ten seeds and looked again twice while it was undecided
    confirmed    a false claim of the confirmation, better or no difference, about the arms at their frozen rates, given
                 training: what it claims
    with chance  false claims if every run counted, diverged ones at chance, about the mean of these: what it does not
                 claim, because a rare divergence that no fresh run met is in this mean
    about best   the confirmation's claims, held against the arms at their best rates: what a choice that missed the
                 best adds

A run's accuracy is its arm's at its rate plus what its seed and its own luck add: sd 0.2 and 0.2 points, as on MNIST.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnexp.statistics.confirmation import adjust_exclusive, test_alone
from bnexp.statistics.design import Design
from bnexp.statistics.freezing import choose_rates
from bnexp.statistics.grid import Grid
from bnexp.statistics.intervals_and_tests import ALPHA, holm
from bnexp.statistics.pairs import find_counted
from bnexp.statistics.resampling import sign_flip
from bnexp.statistics.selection import choose_cross_fitted

Floats = NDArray[np.float64]

SEED_SD: Final = 0.002
RUN_SD: Final = 0.002
MARGIN: Final = 0.001
CHANCE: Final = 0.1
EXPLORED: Final = 10
FRESH: Final = 12


@dataclass(frozen=True)
class Profile:
    """True accuracies [T] of both arms at T learning rates, and the share of runs that diverge at each."""

    accuracy: Sequence[float]
    diverges: Sequence[float] = (0.0, 0.0, 0.0, 0.0, 0.0)

    @property
    def mean(self) -> Floats:
        """What a run has on average, those at chance included."""
        share = np.array(self.diverges)
        return np.asarray((1 - share) * np.array(self.accuracy) + share * CHANCE)


PROFILES: Final = {
    "peaked": Profile((0.95, 0.965, 0.975, 0.965, 0.95)),
    "flat": Profile((0.975,) * 5),
    "broad": Profile((0.972, 0.9746, 0.975, 0.9746, 0.972)),
    "cliff": Profile((0.96, 0.97, 0.975, 0.976, 0.977), (0.0, 0.0, 0.0, 0.02, 0.05)),
}


def draw(profile: Profile, shape: tuple[int, ...], rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Return validation and test accuracies and whether a run diverged, of shape [K, 2, T, S]."""
    luck = rng.normal(0, SEED_SD, (shape[0], 1, 1, shape[3])) + rng.normal(0, RUN_SD, shape)
    diverged = rng.random(shape) < np.array(profile.diverges)[:, None]
    true = np.array(profile.accuracy)[:, None] + luck
    validation, test = (np.where(diverged, CHANCE, true + rng.normal(0, 0.001, shape)) for _ in range(2))
    return validation, test, diverged.astype(float)


def to_grid(validation: Floats, test: Floats, diverged: Floats) -> Grid:
    """Return the stores as cells of one grid."""
    columns = {"validation_accuracy": validation, "test_accuracy": test, "diverged": diverged}
    rows = pd.DataFrame({name: values.ravel() for name, values in columns.items()})
    K, _, T, S = test.shape
    design = Design("placement", ("pre", "post"), "lr", (), None)
    numbers = np.arange(test.size).reshape(test.shape)
    return Grid(design, rows, pd.DataFrame(index=range(K)), np.arange(T, dtype=float), np.arange(S), numbers)


def look(parts: tuple[Floats, Floats, Floats], seeds: int, family: int) -> NDArray[np.bool_]:
    """Return whether one look at the first `seeds` finds a difference, families of `family` stores together."""
    grid = to_grid(*(values[..., :seeds] for values in parts))
    value_KLS = choose_cross_fitted(grid).take(grid.column("test_accuracy"))
    p_K = sign_flip(value_KLS[:, 1] - value_KLS[:, 0], draws=999)
    p_FK = np.array([holm(p) for p in p_K.reshape(-1, family)])
    return np.asarray(p_FK <= ALPHA)


def confirm(
    profile: Profile, parts: tuple[Floats, Floats, Floats], family: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return which families make a false claim [3, F]: given training, with chance, about the best rates."""
    grid = to_grid(*(values[..., :EXPLORED] for values in parts))
    rates_KL = choose_rates(grid)
    _, fresh, diverged = draw(profile, (*parts[1].shape[:3], FRESH), rng)
    value_KLS, diverged_KLS = (
        np.take_along_axis(values, rates_KL[:, :, None, None], axis=2)[:, :, 0] for values in (fresh, diverged)
    )
    d_Kn = value_KLS[:, 1] - value_KLS[:, 0]
    counted_Kn = find_counted(diverged_KLS[:, 1] == 0, diverged_KLS[:, 0] == 0)
    accuracy_T = np.array(profile.accuracy)
    given_K, with_K = (truth_T[rates_KL[:, 1]] - truth_T[rates_KL[:, 0]] for truth_T in (accuracy_T, profile.mean))
    trained = _claim(np.where(counted_Kn, d_Kn, np.nan), family)
    # The best rates are alike: any difference that is claimed of them is false.
    false = [trained.wrong(given_K), _claim(d_Kn, family).wrong(with_K), trained.better_FC]
    return np.stack([wrong_FC.any(axis=1) for wrong_FC in false])


@dataclass(frozen=True)
class Claims:
    """What is claimed of families of contrasts [F, C]: better, no difference; and the sign of the estimate."""

    better_FC: NDArray[np.bool_]
    equal_FC: NDArray[np.bool_]
    sign_FC: Floats

    def wrong(self, truth_K: Floats) -> NDArray[np.bool_]:
        """Return which claims are false if these are the differences."""
        truth_FC = truth_K.reshape(self.sign_FC.shape)
        unequal_FC = self.equal_FC & (np.abs(truth_FC) >= MARGIN)
        return np.asarray(self.better_FC & (self.sign_FC != np.sign(truth_FC)) | unequal_FC)


def _claim(d_Kn: Floats, family: int) -> Claims:
    p_2FC = test_alone(d_Kn, MARGIN).reshape(2, -1, family)
    adjusted_2FC = np.stack([adjust_exclusive(p_2FC[:, i]) for i in range(p_2FC.shape[1])], axis=1)
    better_FC, equal_FC = adjusted_2FC <= ALPHA
    return Claims(better_FC, equal_FC, np.sign(np.nansum(d_Kn, axis=1)).reshape(-1, family))


def simulate(profile: Profile, family: int, stores: int, seed: int = 0) -> dict[str, float]:
    """Return the shares of families, of `stores` contrasts in all, that make a false claim."""
    rng = np.random.default_rng(seed)
    K = stores - stores % family
    parts = draw(profile, (K, 2, len(profile.accuracy), 3 * EXPLORED), rng)
    looks = [look(parts, count * EXPLORED, family).any(axis=1) for count in (1, 2, 3)]
    claims = confirm(profile, parts, family, rng).mean(axis=1)
    return {
        "explored": float(looks[0].mean()),
        "advice": float(np.any(looks, axis=0).mean()),
        **dict(zip(("confirmed", "with chance", "about best"), map(float, claims), strict=True)),
    }


def main(arguments: Sequence[str]) -> None:
    """Print the table, all profiles unless some are named."""
    stores = next((int(word) for word in arguments if word.isdigit()), 12_000)
    asked = [word for word in arguments if not word.isdigit()] or list(PROFILES)
    names = ("explored", "advice", "confirmed", "with chance", "about best")
    print("| rates | contrasts | families |", " | ".join(names), "|")
    print("|---|---|---|" + "---|" * len(names))
    for name in asked:
        for family in (1, 3, 12):
            shares = simulate(PROFILES[name], family, stores)
            cells = " | ".join(f"{100 * shares[column]:.1f} %" for column in names)
            print(f"| {name} | {family} | {stores // family:,} | {cells} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
