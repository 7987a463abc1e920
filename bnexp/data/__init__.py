"""The data sets: a name in; arrays, their splits, their digest and the batch order of a seed out.

`datasets` reads and splits, `download` finds, checks and fetches files.
"""
