"""Pictures that a phone's camera reads, made here: no address of ours goes to anybody's web service."""

from __future__ import annotations

import segno


def qr_picture(text: str) -> str:
    """The text as a QR code: a `data:` address of an SVG for an img element, black on white in light and dark."""
    return segno.make(text, error="m", micro=False).svg_data_uri(scale=5, border=3, dark="#000", light="#fff")
