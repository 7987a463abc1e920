"""`bnexp new study NAME`: a commented file to ask a question of one's own with."""

import re
from pathlib import Path
from typing import Final

from bnexp.choices import quote_value
from bnexp.cli.values import check_name, find_conf
from bnexp.errors import UserError
from bnexp.files import write_whole

FOLDER: Final = Path("conf", "study")
"""Where a command looks for studies of the user's, from the folder in which it is typed."""

TEMPLATE: Final = """# @package _global_
# A question of your own. `bnexp plan study=NAME` says what would be trained; `bnexp study=NAME` trains it.
# What is left out has its default: `bnexp --help` lists every key. What is typed behind the command wins over it.
defaults:
  - override /data: digits      # small, and needs no download; then mnist or fashion_mnist

name: NAME                      # results go to outputs/NAME
epochs: 10
hidden: [50, 50]

study:
  question: "Does batch normalization help here, and does it matter where it stands?"
  compare: placement            # the axis that is compared; several: [placement, activation]
# time: 1 min on two cores      # for whoever looks for something to run
# figures: [saturation]         # of what happens inside the layers; saturation, gradients, effective_lr, growth, ...

# Every combination of these is trained. Learning rates are chosen on validation accuracy, for each arm by itself.
hydra:
  sweeper:
    params:
      placement: none,pre,post  # none | pre | post | both | input
      activation: relu,tanh     # or a function of your own: mine.py:f
      lr: 0.1,0.3,1
      seed: range(6)            # fewer than six make no test possible
"""


def write_study(name: str) -> Path:
    """Write `FOLDER`/`name`.yaml and return it.

    Raises:
        UserError: The name is none, a study is called so, or the file cannot be written.
    """
    check_name(name)
    if not re.fullmatch(r"[A-Za-z_][\w-]*", name, re.ASCII):
        raise UserError(
            f"NAME must be a word of letters, digits, _ and -, with a letter first; got {quote_value(name)}"
        )
    if (find_conf() / "study" / f"{name}.yaml").is_file():
        raise UserError(f"NAME must not be that of a study of bnexp; got '{name}': take another one")
    path = FOLDER / f"{name}.yaml"
    if path.exists() or path.is_symlink():
        raise UserError(f"NAME must be that of a new study; got '{name}', and {path} is there: take another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda file: file.write_text(TEMPLATE.replace("NAME", name), encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{FOLDER} must be a folder that can be written to; got '{error.strerror}'") from None
    return path


def new(name: str) -> None:
    """Write the study, and print what to type next."""
    path = write_study(name)
    print(f"{path} asks a question: change it, then")
    print(f"  bnexp plan study={name}     says what would be trained, and for how long")
    print(f"  bnexp study={name}          trains it and builds the page")
