"""The root of every error Restreamer raises: the class says what happened, its attributes what to do."""

from __future__ import annotations


class RestreamerError(Exception):
    """Something that went wrong and has a name.

    `message` is for the owner (admin, log, command line); it never holds a secret.
    `public` is what a viewer may read.
    """

    #: Trying again without a change by a person is pointless.
    permanent: bool = False
    #: HTTP status a view answers with.
    status: int = 500
    #: Seconds after which trying again makes sense; None when unknown.
    retry_after_s: float | None = None
    #: Sentence a viewer may see; must not name portals, MACs or addresses.
    public: str = "Something went wrong."
    #: What network tuners say in X-HDHomeRun-Error, empty = nothing (reference hdhomerun.md, 1.4).
    tuner_error: str = ""

    #: The slate that says it to those whose players hide errors (`mpegts.slatemaking.TEXTS`); empty: none does.
    slate: str = ""

    def __init__(self, message: str = "", *, public: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message or self.public)
        self.message = message or self.public
        if public is not None:
            self.public = public
        if retry_after_s is not None:
            self.retry_after_s = retry_after_s


class ConfigurationError(RestreamerError):
    """A setting is wrong; the message says which and what to type."""

    permanent = True


class InvalidInput(RestreamerError):
    """Somebody typed or sent a value that cannot be used; the message says why."""

    permanent = True
    status = 400
    public = "That request cannot be understood."
