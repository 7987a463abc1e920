"""The figures: estimates in, a figure out; nothing is estimated here. One module per kind of figure.

`writing` makes files of them, `layout` cuts frames into panels, `style` and `scales` hold what all of them share.
"""
