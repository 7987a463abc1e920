"""What a user brings: in comes what is typed, out go a name and the digest that stands for the content.

`code` is a function of one's own, such as an activation. Nothing here executes it: the engine does, and tells of its
errors.
"""
