"""Sweeps: runs asked, data and a store in; the runs that were missing trained into the store.

`sweep` is the course of it, `plans` decides on the packs, `process_pool` and `in_process` have them trained by
`worker`, and `protocol` is what travels between them. Only a worker loads torch.
"""
