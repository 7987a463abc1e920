"""The command line: words of a shell in; runs, a table and an exit code out.

`main` is the trunk, `values` turns a configuration into runs. Only this room and `hydra_plugins` know Hydra and
OmegaConf. `bnexp --help` must not wait for numpy, torch, pandas or rich: `main`, `commands`, `task`, `hydra_errors`,
`expansion`, `values`, `schema` and `usage` import what loads these where it is used; the modules of the subcommands are
themselves imported when they are asked for.
"""
