"""Every sentence an owner can read about an Xtream panel; those about the way to it are in `providers.reach`."""

from __future__ import annotations

from enum import StrEnum

from restreamer.lib import redact


class Say(StrEnum):
    """The table. Names in braces are filled in by `of`."""

    # --- the login works
    WORKS = "The panel accepts this login."
    ENDS_SOON = "The subscription of this login ends on {date}."
    ALL_IN_USE = "Every connection of this login ({most}) is in use right now."
    PANEL_SAYS = "The panel says: “{message}”"
    # --- the login does not
    NO_LOGIN = "This portal has no login that works. Add one, or test the ones it has."
    LOGIN_MISSING = "A panel needs a user name and a password. Enter both."
    WRONG_LOGIN = "The panel refuses this user name or password. Check both for typing errors; then test again."
    WRONG_LOGIN_SILENT = (
        "The panel answers this login with nothing, as panels of this kind do when user name or password is wrong. "
        "Check both for typing errors; then test again."
    )
    TURNED_AWAY = (
        "The panel refuses us (status {status}): user name or password is wrong, or it does not accept your network or "
        "user agent."
    )
    EXPIRED = "The subscription of this login ended on {date}. Renew it with your provider; then test it again."
    EXPIRED_UNDATED = "The subscription of this login has ended. Renew it with your provider; then test it again."
    BANNED = "The panel has banned this login. Ask your provider why."
    DISABLED = "The panel has switched this login off. Ask your provider why."
    # --- what answers is no panel
    NO_ADDRESS = (
        "“{address}” is no web address. Enter the server your provider gave you, like http://panel.example:8080."
    )
    NO_PANEL = (
        "There is no Xtream panel at {host}, or it does not know this login: it answers “not found”, as panels do in "
        "both cases. Check server, port, user name and password."
    )
    WEB_PAGE = (
        "{host} answers with a web page instead of data. Check server and port; if they are right, the panel is down "
        "or has moved: ask your provider."
    )
    OTHER_SERVICE = (
        "Another kind of service answers at {host}, not an Xtream panel. If your provider gave you a MAC or a playlist "
        "address, add it as Stalker portal or playlist instead."
    )
    GUARD = (
        "A protection service in front of {host} turned us away (status {status}). Ask your provider to allow your "
        "address, or set a proxy."
    )
    # --- lists
    LIST_CUT = (
        "The panel's list of {what} broke off; {count} came. What is stored stays as it is; try again later, and tell "
        "your provider if it stays so."
    )
    LIST_DAMAGED = (
        "The panel's list of {what} is damaged and cannot be read. What is stored stays as it is; try again later, and "
        "tell your provider if it stays so."
    )
    LIST_IS_PAGE = (
        "The panel answers with a web page where its list of {what} should be. What is stored stays as it is; try "
        "again later."
    )
    LIST_SILENT = (
        "The panel answers with nothing where its list of {what} should be. What is stored stays as it is; try again "
        "later."
    )
    LIST_TOO_LARGE = "The panel's list of {what} is larger than {limit} MB. What is stored stays as it is."
    LIST_OF_ONE_LOGIN = (
        "One login ({login}) could not be asked for its {what}; what the others are offered is not the whole. {why}"
    )
    # --- one item
    NO_SUCH_ITEM = "The panel knows nothing about this item any more. Refresh the portal."
    NO_ANSWER = "The panel does not answer this question; not every panel knows all of them."
    ANSWER_DAMAGED = "The panel's answer is damaged and cannot be read. Try again; if it stays so, tell your provider."
    ITEM_ODD = "The address the panel gave for this item is not one that can be opened. Refresh the portal."

    def of(self, **facts: object) -> str:
        """The sentence with its blanks filled in."""
        return self.value.format(**{name: redact.text(str(fact)) for name, fact in facts.items()})


def quoting(sentence: str, said: str) -> str:
    """The sentence followed by the panel's own words, when it had any."""
    return f"{sentence} The panel's words: “{redact.text(said)}”" if said else sentence
