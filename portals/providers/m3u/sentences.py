"""Every sentence an owner can read about a playlist; those about the way to it are in `portals.providers.reach`."""

from __future__ import annotations

from enum import StrEnum

from restreamer.lib import redact
from restreamer.lib.m3u import (
    BinaryFile,
    EmptyAnswer,
    JsonAnswer,
    NotAPlaylist,
    PlainText,
    SingleStream,
    WebPage,
    XmlDocument,
)


class Say(StrEnum):
    """The table. Names in braces are filled in by `of`."""

    # --- the list works
    WORKS = "The playlist answers with {count} entries: {kinds}."
    WORKS_LARGE = "The playlist answers; its first {count} entries hold {kinds}."
    # --- the provider answers, but not with the list
    REFUSED = (
        "{host} refuses the playlist (status {status}). The address, user name or password in it is wrong, or the "
        "provider does not accept your network or user agent."
    )
    NOT_FOUND = (
        "There is no playlist at this address (status {status}). Check it for typing errors; some providers also "
        "answer so when user name or password is wrong."
    )
    # --- what came is no list
    EMPTY = (
        "The playlist is empty. The subscription may have ended: test again later or ask your provider. What is stored "
        "stays as it is."
    )
    WEB_PAGE = (
        "What came is a web page, not a playlist. Copy the address of the playlist itself from your provider's page, "
        "and check user name and password in it. What is stored stays as it is."
    )
    GUIDE = (
        "What came is a programme guide (XMLTV), not a playlist. Add it as a guide source; enter the playlist's own "
        "address here."
    )
    XML = "What came is an XML document, not a playlist. Check the address."
    JSON = (
        "What came is an answer for programs (JSON), most often an error, not a playlist. Check user name and password "
        "in the address. What is stored stays as it is."
    )
    SINGLE_STREAM = (
        "What came is a single HLS stream, not a list of channels. To watch it here, upload a playlist file with this "
        "one address in it."
    )
    PLAIN_TEXT = (
        "What came is plain text, not a playlist. Check user name and password in the address. What is stored stays as "
        "it is."
    )
    BINARY = (
        "What came is another kind of file ({kind}), not a playlist. A list may be packed as gzip, xz, bzip2 or zip."
    )
    NO_ENTRIES = "The playlist holds no entry that can be played. What is stored stays as it is."
    # --- the list came only in part, or cannot be unpacked
    CUT = (
        "The playlist broke off before its end. What is stored stays as it is; try again later, and tell your provider "
        "if it stays so."
    )
    ARCHIVE_CUT = (
        "The packed playlist broke off before its end. What is stored stays as it is; try again later, and tell your "
        "provider if it stays so."
    )
    ARCHIVE_DAMAGED = "The packed playlist cannot be opened. What is stored stays as it is. {why}"
    TOO_LARGE = (
        "The playlist is larger than {limit} MB. What is stored stays as it is; ask your provider for a smaller one."
    )
    TOO_LONG = "The file takes too long to read to be a playlist. What is stored stays as it is."
    # --- files
    NO_FILE = "There is no file {path}. Enter the whole path, or upload the playlist again."
    FILE_NOT_ALLOWED = (
        "The file {path} lies outside the folders playlists may be read from ({folders}). Move it there, or upload it."
    )
    FILE_UNREADABLE = "The file {path} cannot be read ({why})."
    # --- warnings that come with a working list
    IS_XTREAM = (
        "This address is an Xtream login. Added as Xtream (server {server}, with the same user name and password) it "
        "shows the expiry date and brings movies, series, guide and catch-up in order."
    )
    # --- one item
    NO_ARCHIVE = "This channel's playlist entry offers no catch-up."
    ARCHIVE_NEEDS_GUIDE = (
        "Catch-up of this channel needs the provider's own programme id, which its guide does not tell."
    )
    NO_DETAILS = "A playlist tells nothing more about its movies and series."

    def of(self, **facts: object) -> str:
        """The sentence with its blanks filled in."""
        return self.value.format(**{name: redact.text(str(fact)) for name, fact in facts.items()})


_NOT_A_LIST: dict[type[NotAPlaylist], Say] = {
    EmptyAnswer: Say.EMPTY,
    WebPage: Say.WEB_PAGE,
    JsonAnswer: Say.JSON,
    SingleStream: Say.SINGLE_STREAM,
    PlainText: Say.PLAIN_TEXT,
}


def not_a_list(err: NotAPlaylist) -> str:
    """What came instead of a list, with its own words where it has some."""
    if isinstance(err, BinaryFile):
        return Say.BINARY.of(kind=err.quote)
    if isinstance(err, XmlDocument):
        return Say.GUIDE.of() if err.quote == "tv" else Say.XML.of()
    return quoting(_NOT_A_LIST[type(err)].of(), err.quote)


def quoting(sentence: str, said: str) -> str:
    """The sentence followed by the provider's own words, when it had any."""
    return f"{sentence} The provider's words: “{redact.text(said)}”" if said else sentence
