"""The command line: words of a shell in; runs, settings, a table and an exit code out.

`main` is the trunk, `values` turns a configuration into runs. Only this room and `hydra_plugins` know Hydra and
OmegaConf. What loads numpy, torch, pandas or rich is imported where it is used: `bnexp --help` must not wait for it.
"""
