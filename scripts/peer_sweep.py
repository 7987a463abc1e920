"""The peer of `bnexp -m`: the plain loop as a Hydra task, its sweep spread by Hydra's joblib launcher.

python scripts/peer_sweep.py -m hydra/launcher=joblib +root=data/mnist +placement=pre,post '+seed=range(4)' +epochs=1
"""

import os
import sys

import hydra
from benchmarks.peers import task

if __name__ == "__main__":
    # The task is not of this __main__: joblib would send it by value with every job, and no worker would keep its data.
    os.environ["HYDRA_MAIN_MODULE"] = "__main__"  # else Hydra looks for a configuration inside the module of the task
    sys.exit(hydra.main(version_base="1.3", config_path=None)(task)())
