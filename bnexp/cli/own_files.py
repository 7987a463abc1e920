"""Data as the values of a job ask for it: a published set, or a file of one's own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bnexp.data.requests import OwnFile, parse_test
from bnexp.data.sources import SOURCES, find_source, split_sizes
from bnexp.errors import UserError
from bnexp.files import expand_home

OF_FILES: Final = tuple(f"data.{name}" for name in ("path", "test", "label", "transpose", "scale", "digest"))
"""Keys that say something of a file of one's own alone."""


def find_file(job: Mapping[str, Any]) -> OwnFile | None:
    """Return the file of one's own that `job` asks for; None if it asks for a data set of bnexp."""
    name, path = job["data.name"], job["data.path"]
    if name in SOURCES or (path is None and name != "file"):
        return None
    if not path:
        raise UserError("data=file must be told which file by data.path; got none: data.path=FILE, see docs/data.md")
    test = parse_test(job["data.test"])
    return OwnFile(
        path=str(expand_home(Path(path))),
        name="" if name == "file" else name,
        test=str(expand_home(Path(test))) if isinstance(test, str) else test,
        label=job["data.label"],
        transpose=job["data.transpose"],
        scale=job["data.scale"],
        digest=job["data.digest"],
    )


def settle_data(job: Mapping[str, Any]) -> tuple[str, tuple[int, int]]:
    """Return the name of the data of `job` and the numbers of its training and of its validation examples."""
    file, wanted = find_file(job), (job["data.train"], job["data.validation"])
    if file is None:
        return job["data.name"], split_sizes(find_source(job["data.name"]), *wanted)
    from bnexp.data import own  # here, because it loads numpy, which a published set does not need

    return file.name, own.split_sizes(file, *wanted)


def collect_files(jobs: Sequence[Mapping[str, Any]]) -> dict[str, OwnFile]:
    """Return the files of one's own of all `jobs` by their names; raise `UserError` if two have the same name."""
    files: dict[str, OwnFile] = {}
    for file in filter(None, map(find_file, jobs)):
        if files.setdefault(file.name, file) != file:
            raise UserError(
                f"data sets of a sweep must be told apart by their names; got two called '{file.name}': train each by "
                "itself, with a data.name of its own"
            )
    if not files:
        for name in OF_FILES:
            if jobs[0][name] not in (None, False):
                raise UserError(
                    f"{name} must stand beside data=file; got data={jobs[0]['data.name']}: add data=file, or leave it "
                    "out"
                )
    return files
