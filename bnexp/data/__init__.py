"""The data sets: a name in; arrays, their splits, their digest and the batch order of a seed out.

`sources` says which sets there are, `datasets` reads and splits them, `download` finds, checks and fetches files,
`idx` decodes one.
"""
