"""The figures: estimates in, a figure out; nothing is estimated here. One module per kind of figure, named after it.

`layout` cuts frames into panels, `small_multiples` and `text_columns` are two ways to arrange them, `style` and
`scales` hold what all of them share, `export` makes files. A function that draws takes frames, their layout and the
words around the figure, in this order, and what else it needs by name.
"""
