"""Hydra plugins of bnexp; Hydra 1.3 insists on the package name `hydra_plugins`."""

from hydra.core.plugins import Plugins


def register() -> None:
    """Make the plugins known to Hydra, which does not look for them where bnexp is installed as editable."""
    plugins = Plugins.instance()  # first: it executes every plugin module that it finds
    from hydra_plugins.hydra_bnexp.launcher import BnexpLauncher
    from hydra_plugins.hydra_bnexp.sweeper import BnexpSweeper

    plugins.register(BnexpLauncher)
    plugins.register(BnexpSweeper)
