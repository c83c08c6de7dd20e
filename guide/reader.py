"""From the bytes of an XMLTV file to records, as a stream.

Nothing outside the file is ever read (no DTD, no entities, no network), memory does not grow with the file, and a feed
with broken places is read around them. Source: reference m3u-and-xmltv.md, section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import cast

from lxml import etree

from guide.elements import Reading, bare_record, channel_record, fill
from guide.errors import GuideIncomplete, GuideRefused, GuideTooLarge, NotAGuide
from guide.page import what_it_is
from guide.wanted import EVERYTHING
from guide.xml_text import WellFormedText
from restreamer.lib.broadcasts import GuideChannelRecord, GuideRecord
from restreamer.lib.xmltv import BadTime

#: A guide of 1,000 channels for two weeks is 400 MB unpacked; four times that is no guide.
MAX_BYTES = 2 * 1024**3
#: No real `programme` comes near this; one that does is an attack on memory.
MAX_ELEMENT_BYTES = 4 * 1024**2
#: How far we look for `<tv>`.
_HEAD_BYTES = 1024**2

_TAGS = ("{*}tv", "{*}TV", "{*}channel", "{*}programme")


@dataclass(slots=True)
class ReadCounts:
    """What the file held, whether it could be used or not."""

    channels: int = 0
    programmes: int = 0
    bad_times: int = 0
    without_channel: int = 0


@dataclass(slots=True)
class XmltvReader:
    """Iterate it once: channels and broadcasts in the file's order.

    Raises NotAGuide, GuideRefused, GuideTooLarge, and GuideIncomplete at the end of a file that ends early.
    """

    chunks: Iterable[bytes]
    default_zone: tzinfo = UTC
    languages: tuple[str, ...] = ()
    #: Asked with a guide id in lower case. Broadcasts of the others come with their times only: in most guides that is
    #: nine of ten, and their texts are three quarters of the work.
    wants: Callable[[str], bool] = EVERYTHING
    max_bytes: int = MAX_BYTES
    counts: ReadCounts = field(default_factory=ReadCounts)

    _root: etree._Element | None = None
    _closed: bool = False
    _fed: int = 0
    _fed_at_last_element: int = 0

    def __iter__(self) -> Iterator[GuideChannelRecord | GuideRecord]:
        parser = etree.XMLPullParser(
            events=("start", "end"),
            tag=_TAGS,
            encoding="utf-8",  # what WellFormedText makes of it, whatever the declaration says
            recover=True,
            resolve_entities=False,
            load_dtd=False,
            no_network=True,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
            collect_ids=False,
        )
        text = WellFormedText(self.chunks)
        reading = Reading(self.default_zone, self.languages)
        for piece in text:
            self._check_size(len(piece))
            parser.feed(piece)
            yield from self._records(parser, reading)
            self._forget()
        self._finish(parser, text)
        yield from self._records(parser, reading)
        # The parser closes what a cut file left open, so the text's own end counts too; and it gives up (no end at all)
        # where nesting or a text is beyond all measure.
        if not (text.ended_well and self._closed):
            raise GuideIncomplete(
                f"The guide ends early, after {self.counts.channels} channels and {self.counts.programmes} broadcasts."
            )

    def _records(self, parser: etree.XMLPullParser, reading: Reading) -> Iterator[GuideChannelRecord | GuideRecord]:
        for event, item in parser.read_events():
            element = cast(etree._Element, item)
            name = local_name(element)
            if event == "start":
                self._see_start(element, name)
            elif name == "programme":
                record = self._programme(element, reading)
                self._drop(element)
                if record is not None:
                    yield record
            elif name == "channel":
                channel = channel_record(element, reading)
                self.counts.channels += 1
                self._drop(element)
                if channel.id:
                    yield channel
            elif element is self._root:
                self._closed = True

    def _programme(self, element: etree._Element, reading: Reading) -> GuideRecord | None:
        self.counts.programmes += 1
        try:
            record = bare_record(element, reading)
        except BadTime:
            self.counts.bad_times += 1
            return None
        if not record.channel_id:
            self.counts.without_channel += 1
            return None
        if self.wants(record.channel_id.casefold()):
            fill(record, element, reading)
        return record

    def _see_start(self, element: etree._Element, name: str) -> None:
        if self._root is not None:
            return
        document = element.getroottree()
        if name.lower() != "tv" or element.getparent() is not None:
            raise NotAGuide(f"The file begins with <{document.getroot().tag}>, so it is no XMLTV guide.")
        declared = document.docinfo.internalDTD
        # iterentities is in lxml and not in its stubs.
        if declared is not None and list(declared.iterentities()):  # type: ignore[attr-defined]
            raise GuideRefused("The guide declares entities of its own, which no honest guide does. It was not read.")
        self._root = element

    def _drop(self, element: etree._Element) -> None:
        """Free an element that has been read, and what a broken feed left in front of it."""
        element.clear()
        self._fed_at_last_element = self._fed
        parent = element.getparent()
        if parent is not None and len(parent) > 1:
            del parent[:-1]

    def _forget(self) -> None:
        """Free elements that are neither channel nor broadcast."""
        if self._root is not None and len(self._root) > 1:
            del self._root[:-1]

    def _check_size(self, more: int) -> None:
        self._fed += more
        if self._fed > self.max_bytes:
            raise GuideTooLarge(f"The guide is larger than {self.max_bytes // 1024**2} MB; reading was stopped.")
        if self._root is None and self._fed > _HEAD_BYTES + more:
            raise NotAGuide("The file holds no <tv> element in its first megabyte, so it is no XMLTV guide.")
        if self._root is not None and self._fed - self._fed_at_last_element > MAX_ELEMENT_BYTES + more:
            self._give_up()

    def _give_up(self) -> None:
        """Megabytes without an element: an attack on memory, or a feed so broken that the parser has stopped."""
        if self.counts.programmes:
            raise GuideIncomplete(
                f"The guide cannot be read beyond its broadcast number {self.counts.programmes}: it is too damaged."
            )
        raise GuideRefused("The guide goes on for 4 MB without a broadcast or a channel. It was not read further.")

    def _finish(self, parser: etree.XMLPullParser, text: WellFormedText) -> None:
        try:
            root = parser.close()
        except etree.XMLSyntaxError as err:
            raise NotAGuide(what_it_is(text.head)) from err
        if self._root is None and (root is None or local_name(root).lower() != "tv"):
            raise NotAGuide(what_it_is(text.head))


def local_name(element: etree._Element) -> str:
    """The name without its namespace. A damaged file may have names like `A:`, on which lxml's own QName fails."""
    return str(element.tag).rpartition("}")[2]
