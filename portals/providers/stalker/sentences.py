"""Every sentence an owner can read about a Stalker portal: what happened, and what to do next."""

from __future__ import annotations

from enum import StrEnum

from portals.providers.stalker.values import words as plain
from restreamer.lib import redact


class Say(StrEnum):
    """The table. Names in braces are filled in by `of`."""

    # --- the way to the portal: what goes wrong there is worded in portals/providers/reach.py
    NO_ADDRESS = (
        "“{address}” is no web address. Enter what your provider gave you, for example http://portal.example:8080/c/."
    )
    # --- what answers is no portal
    NO_PORTAL = "Something answers at {host}, but no portal was found there. Check the address; most end in /c/."
    OTHER_SERVICE = (
        "Another kind of service answers at {host}, not a Stalker portal. If your provider gave you a user name and "
        "password or a playlist, add it as Xtream or M3U instead."
    )
    # --- answers that cannot be read
    HTML_ANSWER = (
        "The portal answered with a web page instead of data. Try again later; if it stays so, check the address or "
        "ask your provider whether the portal has moved."
    )
    REDIRECTED_TO_PAGE = (
        "The portal sends us on to a web page at {host}: it has moved, or it turns us away. "
        "Ask your provider for the current address."
    )
    BROKEN_JSON = "The portal's answer is damaged and cannot be read. Try again; if it stays so, tell your provider."
    EMPTY_ANSWER = "The portal answered with nothing. Try again later; if it stays so, tell your provider."
    NOT_FOUND = "The portal says “not found” (status 404). Test the portal again; if it stays so, check the address."
    ODD_STATUS = (
        "The portal answered with status {status}, which says nothing we know. Try again later or ask your provider."
    )
    SERVER_FAULT = "The portal failed inside while answering. Try again later; if it stays so, tell your provider."
    OVERLOADED = "The portal is overloaded or down (status {status}). Try again later."
    ODD_WORDS = "The portal does not answer the question. Ask your provider if you do not understand its words."
    TIME_ZONE_REFUSED = (
        "The portal breaks on every time zone we tried. Set another time zone for this portal, the one your box uses."
    )
    # --- being asked to wait
    THROTTLED = "The portal says it is asked too often. It is left alone for {wait}."
    MAC_BUSY = (
        "The portal says this MAC is in use as often as it may be, or asks too often (status 458). It is left alone "
        "for a while; other MACs go on."
    )
    TURNED_AWAY = (
        "A protection service in front of the portal turned us away (status {status}). The portal is left alone for "
        "{wait}. If it stays so, ask your provider to allow your address, or set a proxy."
    )
    # --- the subscription is refused
    UNKNOWN = (
        "The portal does not know this MAC. Check it for typing errors; if it is right, ask your provider "
        "to register it."
    )
    UNKNOWN_FORM = (
        "The portal refuses this MAC without a word. Portals do so with a MAC that does not begin with 00:1A:79: "
        "check it for typing errors."
    )
    UNKNOWN_OR_BLOCKED = (
        "The portal does not know this MAC, or has blocked it: portals of this kind do not say which. Check it for "
        "typing errors; if it is right, ask your provider."
    )
    COOKIE_REFUSED = (
        "The portal could not read the MAC we sent. Check it for typing errors; if it is right, ask your provider "
        "whether the portal takes this kind of MAC."
    )
    BLOCKED = "The portal has blocked this MAC. Ask your provider why; it is asked again by itself from time to time."
    BLOCKED_BILLING = (
        "The portal has blocked this MAC without giving a reason. This also happens while the provider's billing is "
        "down: it is asked again in a few minutes. If it stays so, ask your provider."
    )
    DENIED = (
        "The portal signs this MAC in but denies it its lists. Ask your provider; it is asked again by itself from "
        "time to time."
    )
    EXPIRED = "The subscription of this MAC ended on {date}. Renew it with your provider; then test it again."
    LOGIN_NEEDED = (
        "The portal wants a user name and password for this MAC. Enter them here. Mind that signing in moves the "
        "account to this MAC: the box that used it before will be signed out."
    )
    LOGIN_REFUSED = "The portal refuses the user name or password. Check both; then test again."
    DEVICE_CONFLICT = (
        "The portal knows this MAC with other device ids. Enter the serial number and device ids exactly as your box "
        "or app shows them, or ask your provider to reset them."
    )
    DEVICE_ELSEWHERE = (
        "The portal knows these device ids with another MAC. Enter the ids that belong to this MAC, or empty them, or "
        "ask your provider to reset them."
    )
    SERIAL_REFUSED = (
        "The portal answered the sign-in with “not found”. Portals of this kind do so when the serial number is not "
        "the one they know, and block your address for a while. Enter the serial number of your box or app, wait, "
        "then test again."
    )
    OLD_FIRMWARE = (
        "The portal says the firmware of this box is too old. Choose another model for this MAC, for example MAG250 or "
        "MAG254."
    )
    PORTAL_CLOSED = "The provider has switched the portal off for now. Try again later; nothing is wrong with your MAC."
    # --- the session
    SESSION_LOST = (
        "The portal forgot our session twice in a row: another device uses this MAC. Switch it off, or give it a MAC "
        "of its own."
    )
    HANDSHAKE_BUSY = "Another sign-in of this MAC is still under way. Try again in a moment."
    # --- warnings that come with a working subscription
    WORKS = "The portal accepts this MAC."
    ACCOUNT_CREATED = (
        "The portal did not know this MAC and has just created an account for it. If you expected your own "
        "subscription, check the MAC for typing errors."
    )
    OTHER_DEVICE = (
        "Another device used this MAC {seconds} s before us{where}. Two devices on one MAC sign each other out: "
        "switch one of them off."
    )
    WARNED = "The provider wants you to read this."
    MESSAGE = "The provider sent a message."
    # --- catalogue
    NO_MAC = "This portal has no MAC that works. Add one, or test the ones it has."
    LIST_EMPTY = (
        "The portal lists no channel at all for this MAC. What is stored stays as it is. Ask your provider whether "
        "channels belong to the subscription."
    )
    LIST_SHORT = (
        "The portal announced {expected} channels but listed only {seen}. What is stored stays as it is; "
        "try again later."
    )
    LIST_SAME_PAGE = (
        "The portal sends the same page again and again: {seen} of {expected} channels came. What is stored stays as "
        "it is; tell your provider."
    )
    LIST_TOO_LONG = "The portal's list does not end. What is stored stays as it is; tell your provider."
    LIST_OF_ONE_MAC = "{mac} could not be asked for its channels, so what is stored stays as it is. {why}"
    TITLES_EMPTY = (
        "The portal has categories but lists no movie and no series. What is stored stays as it is; try again later."
    )
    TITLES_SHORT = (
        "The portal announced {expected} {what} but listed only {seen}. What is stored stays as it is; try again later."
    )
    TITLES_SAME_PAGE = (
        "The portal sends the same page again and again: {seen} of {expected} {what} came. What is stored stays as it "
        "is; tell your provider."
    )
    TITLES_OF_ONE_MAC = "{mac} could not be asked for its {what}, so what is stored stays as it is. {why}"
    NO_DETAILS = "This portal tells all it knows about a movie in its list; there is nothing more to ask for."
    NO_SUCH_SERIES = "The portal knows no season of this series any more. Refresh the portal's series."
    # --- one item
    ITEM_LINK_FAULT = (
        "The portal could make no address for this item. Refresh the portal; if it stays so, tell your provider."
    )
    ITEM_NOTHING = "The portal has nothing to play for this item right now. Try another stream of it."
    ITEM_LIMIT = "The portal's streaming servers are full. Try again in a moment."
    ITEM_NOT_SUBSCRIBED = "This item is not part of the subscription. Choose another stream, or ask your provider."
    ITEM_EMPTY = "The portal answered without an address for this item. Try again, or try another stream of it."
    ITEM_LOCAL = (
        "The portal gave an address only its own machine can open. Refresh the portal; if it stays so, tell "
        "your provider."
    )
    ITEM_BOX_ONLY = "This channel comes from the aerial of a set-top box; there is nothing to fetch from the portal."
    ITEM_ADVERTS = "The portal sent only adverts for this item. Try again, or try another stream of it."
    ITEM_ON_BOX_DISK = (
        "The portal keeps this title where only its own boxes can read it, so there is nothing to fetch. Try another "
        "portal's offer of it."
    )
    ITEM_NO_FILE = "The portal lists no file for this title. Refresh the portal; if it stays so, tell your provider."
    NO_ARCHIVE = "The portal has nothing in its archive for this channel at that time."
    ITEM_ODD = "The portal refuses this item. Try another stream of it."

    def of(self, **facts: object) -> str:
        """The sentence with its blanks filled in."""
        return self.value.format(**{name: redact.text(str(fact)) for name, fact in facts.items()})


def quoting(sentence: str, said: object) -> str:
    """The sentence followed by the portal's own words, when it had any."""
    text = redact.text(plain(said, 250))
    return f"{sentence} The portal's words: “{text}”" if text else sentence


def for_wait(seconds: float) -> str:
    """`45 s`, `5 min`."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{round(seconds / 60)} min"
