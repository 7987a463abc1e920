"""The store: rows in, Parquet out, and the other way round.

`store` is the folder, `schemas` its columns with their units, `records` what each command leaves, `parquet` the files;
`rows` makes rows of what the engine tells. The store knows no sweep and no figure.
"""
