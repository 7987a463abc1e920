"""`bnexp merge`: one store of several."""

from collections.abc import Sequence
from pathlib import Path

from bnexp.cli.usage import USAGE
from bnexp.errors import UserError
from bnexp.store.merging import merge_stores
from bnexp.store.store import Store, load


def merge(words: Sequence[str]) -> None:
    """Add the stores that `words` name to the last of them, and print what came along.

    Raises:
        UserError: Fewer than two folders are named, one holds no results, or `merge_stores` cannot merge them.
    """
    *folders, into = words
    if not folders or any("=" in word and not Path(word).is_dir() for word in words):
        raise UserError(f"the command must be `{USAGE['merge']}`; got `{' '.join(['bnexp merge', *words])}`")
    merged = merge_stores([load(folder) for folder in folders], Store(into))
    packs = "1 pack" if merged.packs == 1 else f"{merged.packs} packs"
    there = f" ({merged.there} more were there already)" if merged.there else ""
    runs = Store(into).read_runs(("run", "status", "probes"))
    print(f"{packs}{there}, {merged.weights} weights and {merged.records} records added: {len(runs)} runs in {into}")
    print(f"bnexp report {into}")
