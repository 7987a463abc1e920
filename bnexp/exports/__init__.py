"""Stores in the forms that other programs read; a store is only read here.

`weights` gives a run as a module of torch.
"""
