"""What a television name says once the decoration is off: words, country, quality, time shift, region.

Guide matching and channel merging ask the same question, "do these two names mean one channel?", and both start here.
Nothing is thrown away that tells two channels apart: numbers, `+1`, countries and regions are kept beside the words.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from restreamer.lib.countries import CODES, WORDS

#: Quality words and the class they stand for. "FHD" and "1080p" are one picture to a guide, "SD" another.
_QUALITY = {
    "sd": "sd", "480p": "sd", "576p": "sd", "576i": "sd", "480i": "sd", "360p": "sd", "240p": "sd", "lq": "sd",
    "hd": "hd", "720p": "hd", "hq": "hd", "hdtv": "hd",
    "fhd": "fhd", "1080p": "fhd", "1080i": "fhd", "fullhd": "fhd",
    "uhd": "uhd", "4k": "uhd", "8k": "uhd", "2160p": "uhd", "ultrahd": "uhd",
    "hevc": "", "h264": "", "h265": "", "x264": "", "x265": "", "avc": "", "hdr": "", "hdr10": "", "hlg": "",
    "50fps": "", "60fps": "", "raw": "",
}  # fmt: skip
_QUALITY_RANK = {"": 0, "sd": 1, "hd": 2, "fhd": 3, "uhd": 4}
_FULL_HD = re.compile(r"\b(full|ultra)[\s-]+hd\b")
_CODEC_DOT = re.compile(r"\b([hx])\.(26[45])\b")
_RESOLUTION = re.compile(r"\A\d{3,4}[pi]\Z")

#: Remarks of list makers; they say nothing of the channel.
_REMARK = re.compile(
    r"\A(?:not 24/7|24/7|geo[- ]?blocked|offline|backup\s*\d*|bk\s*\d*|alt\s*\d*|test|multi(?:[- ]audio)?|dual|"
    r"source\s*\d+|server\s*\d+|low|high|vip|new|live|only on matchday|no event)\Z"
)
_BRACKETED = re.compile(r"[\[({]([^\[\](){}]*)[\])}]")
#: `UK: `, `UK | `, `|UK| `, `UK - `, `UK ▎`: a short code and something that is no letter.
_PREFIX = re.compile(r"\A\W*([a-z]{2,4}|4k|8k)\s*(?:[:|/•·▎▏│┃★✦»>]+|\s[-–—]+\s|[-–—]\s)\s*(?=\S)")
_BRACKETED_PREFIX = re.compile(r"\A\W*[\[(|]\s*([a-z]{2,4}|4k)\s*[\])|]\s*(?=\S)")
_ID_COUNTRY = re.compile(r"\A\S+?\.([a-z]{2})(?:@\S*)?\Z")

_SHIFT = re.compile(r"(?<=[\w\s)])(?:\+\s?(\d{1,2})|\bplus\s?(\d{1,2}))(?:\s?h(?:rs?|ours?)?)?(?=\W|\Z)")
_LONGEST_SHIFT_H = 24
_INITIALS = re.compile(r"\b((?:\w\.){2,})")
_APOSTROPHE = re.compile(r"(?<=\w)['’`´](?=\w)")
_CHUNK = re.compile(r"[^\W_]+")
_TOKEN = re.compile(r"\d+|[^\W\d_]+")

#: Languages in front of a movie's name that are no country's code.
_LANGUAGES = {"en": "en", "eng": "en", "multi": "", "vf": "fr", "vo": "en", "lat": "latam", "ara": "ar", "hin": "in"}

#: Letters Unicode does not take apart into a plain one and a mark.
_PLAIN_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
_LATIN_MARKS = re.compile("[\u0300-\u036f]")

#: Words that are the same word. Only spellings no two channels are told apart by.
_SAME = {
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "uno": "1", "due": "2", "dos": "2", "tres": "3", "ii": "2", "iii": "3", "iv": "4", "zwei": "2",
    "natgeo": "nationalgeographic", "intl": "international", "int": "international", "ent": "entertainment",
    "jr": "junior", "television": "tv", "televisione": "tv", "ch": "channel", "docs": "documentaries",
    "centre": "center", "theatre": "theater",
}  # fmt: skip
_SAME_PAIRS = {("nat", "geo"): "nationalgeographic", ("national", "geographic"): "nationalgeographic"}

#: Words a name may have or lack and still mean the same channel.
FILLERS = frozenset({"tv", "channel", "the", "and", "und", "et", "kanal", "network"})

#: Parts of a country that have a feed of their own.
_REGIONS = {
    "east": "east", "eastern": "east", "west": "west", "western": "west", "pacific": "west", "north": "north",
    "south": "south", "central": "central", "mountain": "mountain", "atlantic": "atlantic", "nord": "north",
    "ost": "east", "sud": "south", "est": "east", "ouest": "west", "norte": "north", "sur": "south",
    "northeast": "northeast", "northwest": "northwest", "southeast": "southeast", "southwest": "southwest",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChannelName:
    """A name taken apart."""

    #: Folded words and numbers in order, without country, quality, shift and remarks.
    words: tuple[str, ...]
    #: ISO 3166 code in lower case ("gb"), or "".
    country: str = ""
    #: "", "sd", "hd", "fhd" or "uhd".
    quality: str = ""
    #: 1 for a channel that shows everything an hour later.
    shift_hours: int = 0

    @property
    def key(self) -> str:
        """All words run together: `BBC One`, `BBC1` and `bbc-one` have one key."""
        return "".join(self.words)

    @property
    def core(self) -> str:
        """The key without fillers; the whole key when nothing else is there."""
        return "".join(word for word in self.words if word not in FILLERS) or self.key

    @property
    def numbers(self) -> tuple[str, ...]:
        """The numbers in the name, in order, without leading zeros."""
        return tuple(word for word in self.words if word.isdigit())

    @property
    def regions(self) -> frozenset[str]:
        """Points of the compass in the name: HBO East and HBO West are two channels."""
        return frozenset(_REGIONS[word] for word in self.words if word in _REGIONS)


@lru_cache(maxsize=65536)
def parse(name: str) -> ChannelName:
    """The name taken apart. Any text has an answer; an empty one has no words."""
    text = fold(name)
    country, quality, text = _prefixes(text)
    text, bracket_country, bracket_quality = _brackets(text)
    text, shift_hours = _shift(text)
    chunks, last_country = _without_country(_chunks(text))
    tokens, word_quality = _without_quality(_tokens(chunks))
    return ChannelName(
        words=_same_words(tokens),
        country=country or bracket_country or last_country,
        quality=max(quality, bracket_quality, word_quality, key=_QUALITY_RANK.__getitem__),
        shift_hours=shift_hours,
    )


@lru_cache(maxsize=65536)
def title(name: str) -> ChannelName:
    """The name of a movie or series taken apart: like `parse`, but a country at its end is part of it (Made in Italy).

    >>> title("EN - Rocky II 4K").words, title("EN - Rocky II 4K").country
    (('rocky', '2'), 'en')
    """
    text = fold(name)
    language = _PREFIX.match(text)
    if language is not None and language[1] in _LANGUAGES:
        text = text[language.end() :]
    country, quality, text = _prefixes(text)
    if language is not None:
        country = country or _LANGUAGES.get(language[1], "")
    text, bracket_country, bracket_quality = _brackets(text)
    tokens, word_quality = _without_quality(_tokens(_chunks(text)))
    return ChannelName(
        words=_same_words(tokens),
        country=country or bracket_country,
        quality=max(quality, bracket_quality, word_quality, key=_QUALITY_RANK.__getitem__),
    )


def fold(text: str) -> str:
    """Lower case without Latin, Greek and Cyrillic accents. Marks that are letters elsewhere (が, की) stay."""
    if text.isascii():
        return text.lower().strip()
    apart = unicodedata.normalize("NFKD", text).casefold().translate(_PLAIN_LETTERS)
    return unicodedata.normalize("NFC", _LATIN_MARKS.sub("", apart)).strip()


def country_of_id(guide_id: str) -> str:
    """The country at the end of a guide id (`BBC1.uk`, `CNN.us@East`), or ""."""
    match = _ID_COUNTRY.match(guide_id.strip().lower())
    return CODES.get(match[1], "") if match else ""


def _prefixes(text: str) -> tuple[str, str, str]:
    """Country and quality announced in front, and the rest: `UK: 4K | Sky` is ("gb", "uhd", "sky")."""
    country = quality = ""
    for _ in range(3):
        match = _PREFIX.match(text) or _BRACKETED_PREFIX.match(text)
        if match is None or not (match[1] in CODES or match[1] in _QUALITY):
            break
        country = country or CODES.get(match[1], "")
        quality = quality or _QUALITY.get(match[1], "")
        text = text[match.end() :]
    return country, quality, text


def _brackets(text: str) -> tuple[str, str, str]:
    """The text with remarks in brackets read and removed; words in brackets stay as words."""
    if "(" not in text and "[" not in text and "{" not in text:
        return text, "", ""
    found = {"country": "", "quality": ""}

    def read(match: re.Match[str]) -> str:
        inner = match[1].strip()
        if inner in CODES:
            found["country"] = found["country"] or CODES[inner]
        elif inner in _QUALITY or _RESOLUTION.match(inner):
            found["quality"] = found["quality"] or _QUALITY.get(inner, "")
        elif not _REMARK.match(inner):
            return f" {inner} "
        return " "

    return _BRACKETED.sub(read, text), found["country"], found["quality"]


def _shift(text: str) -> tuple[str, int]:
    match = _SHIFT.search(text) if "+" in text or "plus" in text else None
    if match is None or not match.start():
        return text, 0
    hours = int(match[1] or match[2])
    if not 0 < hours <= _LONGEST_SHIFT_H:
        return text, 0
    return text[: match.start()] + " " + text[match.end() :], hours


def _chunks(text: str) -> list[str]:
    """Runs of letters and digits; `5USA` is one, and says nothing of a country."""
    # What most names lack is not searched for: a hundred thousand of them are read in a refresh.
    if "." in text:
        text = _INITIALS.sub(lambda m: m[1].replace(".", "") + " ", _CODEC_DOT.sub(r"\1\2", text))
    if "hd" in text:
        text = _FULL_HD.sub(r"\1hd", text)
    text = _APOSTROPHE.sub("", text)
    text = text.replace("+", " plus ").replace("&", " and ")
    return _CHUNK.findall(text)


def _tokens(chunks: list[str]) -> list[str]:
    tokens: list[str] = []
    for chunk in chunks:
        if chunk in _QUALITY:
            tokens.append(chunk)
        else:
            tokens.extend(part.lstrip("0") or "0" if part.isdigit() else part for part in _TOKEN.findall(chunk))
    return tokens


def _without_quality(tokens: list[str]) -> tuple[list[str], str]:
    """Quality words gone, unless the name would be empty or the word opens it (`RAW Sports`, `HD1`)."""
    kept = [token for at, token in enumerate(tokens) if at == 0 or token not in _QUALITY]
    classes = [_QUALITY[token] for token in tokens[1:] if token in _QUALITY]
    return kept, max(classes, key=_QUALITY_RANK.__getitem__, default="")


def _without_country(chunks: list[str]) -> tuple[list[str], str]:
    """A country as the last word but for qualities belongs to the feed, not to the name: `MTV Germany HD`."""
    last = len(chunks) - 1
    while last > 0 and chunks[last] in _QUALITY:
        last -= 1
    if last > 0 and chunks[last] in WORDS:
        return chunks[:last] + chunks[last + 1 :], WORDS[chunks[last]]
    return chunks, ""


def _same_words(tokens: list[str]) -> tuple[str, ...]:
    words: list[str] = []
    for at, token in enumerate(tokens):
        # Number words count only behind a name: "One" alone is a brand, "BBC One" is BBC 1.
        word = token if at == 0 and _SAME.get(token, "").isdigit() else _SAME.get(token, token)
        if words and (words[-1], token) in _SAME_PAIRS:
            words[-1] = _SAME_PAIRS[words[-1], token]
        else:
            words.append(word)
    return tuple(words)
