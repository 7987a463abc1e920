"""Figures for the web: the same picture in a fraction of the bytes, and those of docs/how-batch-norm-works.md.

    python scripts/pictures.py outputs/placement outputs/depth        # renew those of the page
    python scripts/pictures.py --check outputs/placement outputs/depth

A picture is named after its study and its figure, `placement-final.png`, and comes from the report of the study's store
(`bnexp report outputs/placement` draws it anew). Pictures of studies whose store is not named stay as they are.
`scripts/results.py` makes the same files for docs/results.md, and all of them.
"""

import argparse
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from PIL import Image  # comes with matplotlib

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"

PAGE: Final = "how-batch-norm-works.md"

WIDTH: Final = 1400
"""Pixels: twice what a column of text is wide, for sharp screens."""

COLOURS: Final = 128
"""Lines, bands and a colour map look the same with as many, in a quarter of the bytes."""

MOST_BYTES: Final = 150_000


def main(words: Sequence[str] | None = None) -> None:
    """Renew the pictures of the page from stores, or say which are not those of the stores."""
    parser = argparse.ArgumentParser(description=f"Renew the pictures of docs/{PAGE} from the reports of stores.")
    parser.add_argument("stores", nargs="+", type=Path, metavar="STORE", help="a folder such as outputs/placement")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a picture is not current")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where the page is (default: docs)")
    arguments = parser.parse_args(words)
    try:
        stale = dict(find_stale(arguments.docs, arguments.stores))
    except ValueError as error:
        parser.error(str(error))
    if arguments.check and stale:
        named = " ".join(map(str, arguments.stores))
        names = ", ".join(path.name for path in stale)
        parser.exit(1, f"not those of the stores: {names}; to renew: python scripts/pictures.py {named}\n")
    for path, content in stale.items():
        path.write_bytes(content)
        print(path)


def find_stale(docs: Path, stores: Sequence[Path]) -> Iterator[tuple[Path, bytes]]:
    """Yield each picture of the page that is another one in the report of its store, and what it should be."""
    reports = {store.resolve().name: store / "report" for store in stores}
    for name in list_pictures(docs / PAGE):
        study, figure = Path(name).stem.split("-", 1)
        if study not in reports:
            continue
        drawn = sorted(reports[study].rglob(f"{figure}.png"))
        if not drawn:
            raise ValueError(
                f"the report of a study must have the figures that the page shows; found no {figure}.png in "
                f"{reports[study]}: draw it with bnexp report {reports[study].parent}"
            )
        path, content = docs / "figures" / name, shrink_picture(drawn[0])
        if not path.is_file() or path.read_bytes() != content:
            yield path, content


def list_pictures(page: Path) -> list[str]:
    """Return the names of the pictures that `page` shows, each once."""
    links = re.findall(r"!\[[^\]]*\]\(figures/([^)]+)\)", page.read_text(encoding="utf-8"))
    return list(dict.fromkeys(links))


def shrink_picture(path: Path) -> bytes:
    """Return a picture on white as a PNG of `COLOURS`, at most `WIDTH` pixels wide and `MOST_BYTES` large."""
    with Image.open(path) as picture:
        drawing = picture.convert("RGBA")
    page = Image.alpha_composite(Image.new("RGBA", drawing.size, "white"), drawing).convert("RGB")
    width = min(WIDTH, page.width)
    while True:
        small = page.resize((width, round(page.height * width / page.width)), Image.Resampling.LANCZOS)
        content = io.BytesIO()
        small.quantize(COLOURS, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
        if content.tell() <= MOST_BYTES:
            return content.getvalue()
        width = width * 4 // 5


if __name__ == "__main__":
    main()
