"""Estimates over seeds: frames in, frames out; no figure is known here.

    inference, resampling, power    arrays in, arrays out: intervals, tests, sizes; K contrasts at once
    arms                            the runs that count, their axes and arms
    curves                          training curves, diverged runs followed to the end
    design                          what is compared, under what
    grid                            the runs of a design as arrays
    selection                       the best learning rate, chosen on validation, reported on other seeds
    comparisons                     effects, finals, aggregates
    sensitivity, speed              what a learning rate costs, and how soon an accuracy is reached
    verdicts                        what follows from the numbers, in words

The frames are those of the store: `runs` with a row per run, `curves` with a row per run and point. An arm is a run
without its seed; a missing value in an arm's column says that this setting cannot act in it. Accuracies are fractions,
losses nats, steps optimizer steps.

Diverged runs stay in every denominator: a diverged run counts at chance accuracy, 1 / classes, from its divergence on
at its own loss at initialization, and reaches no accuracy. Failed runs are missing, not data: they are left out.
"""
