"""One module per kind of figure, named after it: each takes frames, their layout and the words around the figure."""
