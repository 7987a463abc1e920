"""What can be typed: the subcommands with their words, and the folder of all stores."""

from pathlib import Path
from typing import Final

OUTPUTS: Final = Path("outputs")
"""The folder of all stores."""

USAGE: Final = {
    "plan": "bnexp plan [-m] KEY=VALUE ...",
    "report": "bnexp report DIR [DIR ...] [compare=KEY] [margin=POINTS] [out=FOLDER]",
    "show": "bnexp show RUN [DIR]",
    "check": "bnexp check [--json]",
    "data": "bnexp data fetch|verify [data=NAME] [data.root=DIR]",
}
"""The subcommands, each with all that can be typed behind it."""
