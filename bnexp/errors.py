"""The errors whose one sentence is for the user."""


class Told(ValueError):
    """An error whose one sentence is for the user, even if it is raised while runs are trained."""
