"""The entries of a list, what is wrong with it told in the owner's words."""

from __future__ import annotations

from collections.abc import Iterator

from portals import errors
from portals.providers.m3u.sentences import Say, not_a_list
from portals.providers.m3u.source import MAX_LIST_BYTES
from restreamer.lib.decompress import ArchiveCut, TooLarge, UnpackError
from restreamer.lib.http import MIB
from restreamer.lib.m3u import BinaryFile, Entry, NotAPlaylist, PlaylistReader, SingleStream, XmlDocument

#: What only another address cures; the rest of what stands at a playlist's address comes and goes.
_WRONG_ADDRESS = (XmlDocument, SingleStream, BinaryFile)


def entries_of(reader: PlaylistReader) -> Iterator[Entry]:
    """All entries, at least one.

    Raises NotAPortal, AnswerUnreadable, CatalogueIncomplete.
    """
    try:
        yield from reader
    except _WRONG_ADDRESS as err:
        raise errors.NotAPortal(not_a_list(err)) from err
    except NotAPlaylist as err:
        raise errors.AnswerUnreadable(not_a_list(err)) from err
    except ArchiveCut as err:
        raise errors.CatalogueIncomplete(Say.ARCHIVE_CUT.of()) from err
    except TooLarge as err:
        raise errors.CatalogueIncomplete(Say.TOO_LARGE.of(limit=MAX_LIST_BYTES // MIB)) from err
    except UnpackError as err:
        raise errors.AnswerUnreadable(Say.ARCHIVE_DAMAGED.of(why=err.message)) from err
    if not reader.entries:
        raise errors.AnswerUnreadable(Say.NO_ENTRIES.of())
