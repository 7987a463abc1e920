"""The one error that a user can cause."""


class UserError(ValueError):
    """What a user can cause, in one sentence: what must hold, what was found, what to do.

    It is caught once, in `cli.main`, which prints the sentence and exits with 2; from Python it is a `ValueError`.
    """
