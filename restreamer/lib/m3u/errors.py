"""What else can stand at a playlist's address, each kind with a name."""

from __future__ import annotations

from restreamer.lib.errors import RestreamerError


class NotAPlaylist(RestreamerError):
    """The bytes are no channel list. `quote` is what they say in their own words, short, possibly empty."""

    status = 502
    sentence = "The answer is not a playlist."

    def __init__(self, quote: str = "") -> None:
        super().__init__(self.sentence)
        self.quote = quote


class EmptyAnswer(NotAPlaylist):
    """No bytes, or blanks only."""

    sentence = "The answer is empty."


class WebPage(NotAPlaylist):
    """HTML: a login page, a parked domain, an error page. `quote` is its title or first text."""

    sentence = "The answer is a web page."


class XmlDocument(NotAPlaylist):
    """XML that is no web page, most often a guide. `quote` is the name of the root element."""

    sentence = "The answer is an XML document."


class JsonAnswer(NotAPlaylist):
    """JSON, most often an error. `quote` is its message."""

    sentence = "The answer is JSON."


class SingleStream(NotAPlaylist):
    """An HLS playlist: one channel, not a list of channels."""

    sentence = "The answer is a single HLS stream."


class PlainText(NotAPlaylist):
    """Words. `quote` is the first of them."""

    sentence = "The answer is plain text."


class BinaryFile(NotAPlaylist):
    """Bytes that are no text. `quote` names the kind of file."""

    sentence = "The answer is not text."
