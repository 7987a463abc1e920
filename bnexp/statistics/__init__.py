"""Estimates over seeds: frames in, frames out; neither figures nor sentences are known here.

    intervals_and_tests, resampling, power    arrays in, arrays out: intervals, tests, sizes; K contrasts at once
    arms                            the runs that count, scored once; their axes and arms
    curves, layers                  training curves, diverged runs followed to the end; what was measured inside
    design                          what is compared, under what
    grid                            the scored runs of a design as arrays, built once for all that follows
    selection                       the best learning rate, chosen on validation, reported on other seeds
    pairs                           the curves of two arms over the seeds that both have
    exchange                        tests and intervals from statistics under exchanges
    whole_procedure, deviations     those statistics, the learning rates chosen anew in each
    contrasts, families, notes      the numbers of many contrasts, their tests, and what keeps one from being claimed
    examples                        what test examples add to the chance of seeds, and the margin that follows
    comparisons                     effects, finals, aggregates
    running_statistics              whether an evaluation by them says anything of the trained network
    completeness                    what was asked for and what is stored of it
    sensitivity, speed              what a learning rate costs, and how soon an accuracy is reached
    largest_stable_lr               how large a learning rate may be

What follows from the numbers, in words, is written in `verdicts`.

The frames are those of the store: `runs` with a row per run, `curves` with a row per run and point. An arm is a run
without its seed; a missing value in an arm's column says that this setting cannot act in it. Accuracies are fractions,
losses nats, steps optimizer steps.

Diverged runs stay in every denominator: a diverged run counts at chance accuracy, 1 / classes, from its divergence on
at its own loss at initialization, and reaches no accuracy. In contrasts at the best learning rates they are a risk,
told apart: accuracies are compared given training, unless an arm learned nowhere. Failed runs are missing, not data:
they are left out.
"""
