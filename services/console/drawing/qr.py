"""QR codes as SVG."""

import segno
from markupsafe import Markup


def qr_code(text: str, name: str) -> Markup:
    """The code of `text`, with a name for who does not see it; its size is the page's (class `app-qr`)."""
    code = segno.make(text, error="m", micro=False).svg_inline(
        svgclass="app-qr", lineclass=None, omitsize=True, border=2, title=name
    )
    return Markup(code)  # noqa: S704 made of our own drawing; segno escapes the title
