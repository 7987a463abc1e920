"""What one contrast says, in words."""

import math
from dataclasses import dataclass

from bnexp.labels import value_label
from bnexp.statistics.intervals_and_tests import ALPHA
from bnexp.verdicts.contrasts import Claim, Contrast, Side
from bnexp.verdicts.notes import count_failures, nothing_to_compare, write_margin, write_notes


@dataclass(frozen=True)
class Finding:
    """What a contrast says, in words: `in_brief` with its size, and `in_full` with all that supports it."""

    contrast: Contrast
    in_brief: str
    in_full: str


def describe(contrast: Contrast) -> Finding:
    """Return what `contrast` says."""
    match contrast.kind:
        case "nothing":
            return _nothing(contrast)
        case "better":
            return _better(contrast)
        case "equivalent":
            return _equivalent(contrast)
        case "undecided":
            return _undecided(contrast)


def write_claim(claim: Claim) -> str:
    """Return a claim as a sentence without its end."""
    first, second = (value_label(claim.compared, level) for level in (claim.first, claim.second))
    bound = "" if claim.margin is None else write_margin(claim.margin, claim.metric)
    here = "" if claim.examples is None else f" on these {claim.examples:,} test examples"
    match claim.kind:
        case "better" if claim.idle:
            return f"{first} is better than {second} (which did not learn){here}"
        case "better":
            return f"{first} is better than {second}{f' by less than {bound}' if bound else ''}{here}"
        case "equivalent":
            return f"no difference larger than {bound} between {first} and {second}{here}"
        case "undecided" if claim.few:
            return f"too few seeds for a test between {first} and {second}"
        case "undecided":
            return f"undecided between {first} and {second}"
        case "nothing" if len(claim.idle) == 2:
            return f"neither {first} nor {second} learned, so there is {nothing_to_compare(claim.metric)}"
        case "nothing" if claim.idle:
            (idle,) = (value_label(claim.compared, level) for level in claim.idle)
            return f"{nothing_to_compare(claim.metric)} between {first} and {second}, as {idle} did not learn"
        case "nothing":
            return f"nothing to compare between {first} and {second}"


def _nothing(contrast: Contrast) -> Finding:
    claim, idle = write_claim(contrast.claim), contrast.idle
    if len(idle) == 2:
        return Finding(contrast, claim, f"{_both_failures(contrast)}: {nothing_to_compare(contrast.metric)}")
    if idle:
        return Finding(contrast, claim, f"{claim}: {_failures(contrast, idle[0])}")
    return Finding(contrast, claim, f"{claim}: {write_notes(contrast.notes, contrast.compared)}")


def _both_failures(contrast: Contrast) -> str:
    """Return how the runs of two arms failed, of which none learned."""
    b, a = contrast.idle
    simple = not any(side.diverged and side.stuck for side in (a, b))
    if simple and a.outcome == b.outcome:
        names = " and of ".join(value_label(contrast.compared, side.level) for side in (b, a))
        how = "diverged" if a.outcome == "diverged" else "stayed at chance"
        return f"every run of {names} {how} (n = {contrast.n})"
    return f"{_failures(contrast, b)}{'' if simple else ','} and {_failures(contrast, a, noun=False)}"


def _failures(contrast: Contrast, side: Side, *, noun: bool = True) -> str:
    """Return in how many of its runs an arm did not learn, and how."""
    name = value_label(contrast.compared, side.level)
    return f"{name} {count_failures(side.n, side.diverged, side.stuck, noun=noun)}"


def _better(contrast: Contrast) -> Finding:
    above, claim = contrast.mean > 0, contrast.claim
    winner, loser = (value_label(contrast.compared, level) for level in (claim.first, claim.second))
    low, high = (contrast.low, contrast.high) if above else (-contrast.high, -contrast.low)
    probability = contrast.probability if above else 1 - contrast.probability
    sign = ">" if contrast.is_gain else "<"
    lead = _amount(contrast, abs(contrast.mean))
    small = f", less than the margin of {write_margin(contrast.margin, contrast.metric)}" if contrast.equivalent else ""
    support = f"{_interval(contrast, low, high)}{_crossed(contrast, 1 if above else -1)}{small}"
    tested = (
        f"{_metric(contrast)} {support}, {_seeds(contrast)}, {_p(contrast)}; "
        f"P({winner} {sign} {loser}) = {probability:.2g}{_risk(contrast)}{_generality(contrast)}"
    )
    if contrast.idle:
        core, (side,) = f"{winner} is better than {loser}, which did not learn", contrast.idle
        why = f"{_failures(contrast, side)}{_convention(contrast, side)}"
        direction = "above" if contrast.is_gain else "below"
        return Finding(
            contrast,
            f"{core}, by {lead} {support}",
            f"{core}: {why}; {winner} is {direction} that by {lead} of {tested}",
        )
    core = f"{winner} is better than {loser}"
    return Finding(contrast, f"{core} by {lead} {support}", f"{core} by {lead} of {tested}")


def _convention(contrast: Contrast, side: Side) -> str:
    """Return as what the diverged runs of an arm that did not learn count, if it has any."""
    if not side.diverged:
        return ""
    return f", and a diverged run counts at {'chance' if contrast.is_gain else 'its first loss'} by convention"


def _equivalent(contrast: Contrast) -> Finding:
    claim = write_claim(contrast.claim)
    interval = _interval(contrast, contrast.equivalence_low, contrast.equivalence_high)
    full = (
        f"{claim}: {_difference(contrast)} of {_metric(contrast)}, 90 % interval {interval}, {_seeds(contrast)}, "
        f"TOST p (Holm) = {contrast.p_equivalence_holm:.2g}{_risk(contrast)}{_generality(contrast)}"
        f"{_did_not_learn(contrast)}"
    )
    return Finding(contrast, claim, full)


def _crossed(contrast: Contrast, sign: int = 1) -> str:
    """Return the addition to an interval that it is over seeds, and the one over test examples, too."""
    if contrast.crossed is None or any(map(math.isnan, contrast.crossed)):
        return ""
    low, high = sorted(sign * end for end in contrast.crossed)
    return f" over seeds, {_interval(contrast, low, high)} over seeds and test examples"


def _generality(contrast: Contrast) -> str:
    """Return the addition that a finding is about these test examples alone, if it is."""
    if not contrast.confined:
        return ""
    number = f"{contrast.test_examples:,.0f}"
    return f"; shown for other trainings judged by these {number} test examples, not for other test examples"


def _did_not_learn(contrast: Contrast) -> str:
    """Return the addition that an arm did not learn, if one did not."""
    return "".join(f"; no run of {value_label(contrast.compared, side.level)} learned" for side in contrast.idle)


def _undecided(contrast: Contrast) -> Finding:
    claim, difference = write_claim(contrast.claim), _difference(contrast)
    interval = f"{_interval(contrast, contrast.low, contrast.high)}{_crossed(contrast)}"
    support = f"{interval}, {_seeds(contrast)}" if contrast.n > 1 else "at one seed, no interval"
    if not math.isnan(contrast.p_family):
        support += f", {_p(contrast)}"
    support += _risk(contrast)
    brief = f"{claim} ({difference} {interval})" if contrast.n > 1 else claim
    return Finding(contrast, brief, f"{claim}: {difference} of {_metric(contrast)} {support}{_did_not_learn(contrast)}")


def _difference(contrast: Contrast) -> str:
    a, b = (value_label(contrast.compared, side.level) for side in contrast.sides)
    return f"{a} − {b} = {'+' if contrast.mean > 0 else ''}{_amount(contrast, contrast.mean)}"


def _interval(contrast: Contrast, low: float, high: float) -> str:
    if math.isnan(low) or math.isnan(high):
        return "(no interval: it takes two pairs that trained)"
    return f"[{_number(contrast, low)}, {_number(contrast, high)}]"


def _amount(contrast: Contrast, value: float) -> str:
    """Return a difference with its unit: percentage points of an accuracy, nats of a loss."""
    return f"{_number(contrast, value)} {'pp' if contrast.is_gain else 'nats'}"


def _number(contrast: Contrast, value: float) -> str:
    """Return a difference without its unit, of which a digit is left however small it is."""
    text = f"{100 * value:.2f}" if contrast.is_gain else f"{value:.4f}"
    if float(text) == 0:
        text = f"{100 * value if contrast.is_gain else value:.1g}"
    return text.replace("-", "−")


def _seeds(contrast: Contrast) -> str:
    if contrast.n_trained < contrast.n:
        return f"n = {contrast.n_trained} of {contrast.n} paired seeds, those on which both trained"
    return f"n = {contrast.n} paired seeds"


def _p(contrast: Contrast) -> str:
    """Return the p that decides, and Holm's beside it where that would decide otherwise."""
    other = f" (Holm {contrast.p_holm:.2g})" if (contrast.p_holm <= ALPHA) != (contrast.p_family <= ALPHA) else ""
    return f"family-wise p = {contrast.p_family:.2g}{other}"


def _risk(contrast: Contrast) -> str:
    """Return the addition that the runs of one arm fail less often, where a test says so."""
    if contrast.safer is None or contrast.idle:
        return ""
    other = contrast.b if contrast.safer is contrast.a else contrast.a
    first, second = (
        f"{value_label(contrast.compared, side.level)} {{}} in {side.diverged + side.stuck} of {side.n}"
        for side in (contrast.safer, other)
    )
    return f"; {first.format('failed')} runs, {second.format('')} (p = {contrast.p_risk:.2g})".replace("  ", " ")


def _metric(contrast: Contrast) -> str:
    return contrast.metric.replace("_", " ")
