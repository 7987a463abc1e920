"""What can be typed: the subcommands with their words, and the folder of all stores."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    pass


OUTPUTS: Final = Path("outputs")


USAGE: Final = {
    "plan": "bnexp plan [-m] KEY=VALUE ...",
    "report": "bnexp report DIR [DIR ...] [compare=KEY] [margin=POINTS]",
    "show": "bnexp show RUN [DIR]",
    "check": "bnexp check [--json]",
    "data": "bnexp data fetch|verify [data=NAME] [data.root=DIR]",
}
