"""The data sets: a name or a file in; arrays, their splits, their digest and the batch order of a seed out.

`sources` says which sets there are, `datasets` splits them, `published` reads them, `download` finds, checks and
fetches files, `idx` decodes one, `packaged` reads those of scikit-learn. `own` and `own_parts` read a file of one's own
as `requests` asks for it: `tables`, `archives` and `idx_pairs` are its forms, `classes` its labels. `splits` holds out
examples and standardises.
"""
