"""What can be read in an SVG."""

import html
import re


def read_texts(svg: str) -> list[str]:
    """Return the texts of `svg`, one for each line that is drawn."""
    return [html.unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]
