"""Sweeps: runs asked, data and a store in; the runs that were missing trained into the store.

`sweep` is the course of it, `requests` says what is missing, `plans` decides on the packs. `workers` says what a sweep
asks of those who train them: `process_pool` and `in_process`, which both train by `worker`; `protocol` is what travels
between them. Only a worker loads torch.
"""
