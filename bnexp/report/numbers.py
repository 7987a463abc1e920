"""The runs behind a report as a frame for other programs."""

import pandas as pd

from bnexp.report.evidence import Evidence


def list_runs(evidence: Evidence) -> pd.DataFrame:
    """Return a row per run, failed ones included, with the columns of the store; `hidden` is a text such as 100-100."""
    hidden = evidence.rows["hidden"].map(lambda widths: "-".join(map(str, widths)))
    return evidence.rows.assign(hidden=hidden)
