"""The engine: packs of runs and arrays in, the points of their curves out; all stacked, and a run is a pack of one.

`packs` lays runs out as lanes, `placement` decides where the norm stands, `network` holds the parameters, `workspace`
the buffers, `propagation` goes forward and back, `optimizers` moves the weights, `training` is the loop; `probes` and
`landscape` look inside. `sizes` and `packs` need no torch: forecasts and reports read them.
"""
