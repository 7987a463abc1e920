"""The theory of batch normalization in an MLP: what follows from the definitions, measured on the engine itself.

`predictions` holds the closed forms, `checks` the list of what is measured, the modules between them the measurements.
"""
