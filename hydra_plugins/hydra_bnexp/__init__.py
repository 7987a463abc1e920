"""Hydra plugins of bnexp; Hydra 1.3 insists on the package name `hydra_plugins`, and finds them there by itself.

Hydra imports them for every program on the machine that uses Hydra. So they import bnexp where they use it, and bnexp
does not import them.
"""
