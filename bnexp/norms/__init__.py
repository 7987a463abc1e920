"""Which normalizers there are, what their settings mean together, and in which layers they stand.

`kinds` holds the normalizers and what may not be combined with them, `layers` the choice of hidden layers. What they
compute is the engine's.
"""
