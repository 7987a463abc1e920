"""The sizes that the engine, the forecasts and the reports share."""

import subprocess
import sys


def test_forecasts_and_reports_know_the_sizes_of_the_engine_without_torch() -> None:
    code = (
        "import sys, bnexp.sweeps.plans, bnexp.report.predictions\n"
        "assert 'bnexp.engine.sizes' in sys.modules\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
