"""Why a viewer gets no stream. `public` is what the player is told."""

from __future__ import annotations

from restreamer.lib.errors import RestreamerError


class TokenMissing(RestreamerError):
    """No token, or one nobody has: the answer is the same for both."""

    status = 401
    permanent = True
    public = "This address needs a valid token. Take it from your playlist."


class NotLookingIn(RestreamerError):
    """An address of the admin pages' player, asked for by nobody who may play there."""

    status = 403
    permanent = True
    public = "Log in to the admin pages to watch here."


class LoginWrong(RestreamerError):
    """Name or password is wrong: the answer is the same for both."""

    status = 401
    permanent = True
    public = "Name or password is wrong."


class ViewerNotAllowed(RestreamerError):
    """The viewer's login is switched off or expired."""

    status = 403
    permanent = True
    public = "This login may not watch."


class LineupUnknown(RestreamerError):
    """No such lineup, or one that is not this viewer's: the answer is the same for both."""

    status = 404
    permanent = True
    public = "There is no such lineup."


class DeviceUnknown(RestreamerError):
    """No network tuner stands at this address for this viewer."""

    status = 404
    permanent = True
    public = "There is no network tuner here."


class ChannelUnknown(RestreamerError):
    """No such channel, or one that is not shown."""

    status = 404
    permanent = True
    tuner_error = "801 Unknown Channel"
    public = "There is no such channel."


class ChannelGone(RestreamerError):
    """The channel is there, but no portal offers any of its streams any more."""

    status = 410
    permanent = True
    tuner_error = "801 Unknown Channel"
    public = "No provider offers this channel any more."


class PictureMissing(RestreamerError):
    """There is no such picture, or it could not be had."""

    status = 404
    public = "There is no picture here."


class PictureBusy(RestreamerError):
    """Many pictures are being fetched; this one has to wait."""

    status = 503
    retry_after_s = 5.0
    public = "Too many pictures at once. Try again."


class TitleUnknown(RestreamerError):
    """No such movie or episode, or one that this viewer does not see: the answer is the same for both."""

    status = 404
    permanent = True
    public = "There is no such movie or episode."


class TitleUnavailable(RestreamerError):
    """Nothing is left that could play the movie, the episode or the piece of an archive."""

    status = 503
    retry_after_s = 30.0
    public = "The source of this title does not work right now."


class BroadcastUnknown(RestreamerError):
    """No guide tells of such a broadcast on this channel, or not any more."""

    status = 404
    permanent = True
    public = "The guide no longer tells of this broadcast."


class ArchiveMissing(RestreamerError):
    """The channel has no archive, or not of that time."""

    status = 404
    permanent = True
    public = "This channel has no recording of that time."


class LimitReached(RestreamerError):
    """The viewer watches as much as they may."""

    status = 503
    retry_after_s = 5.0
    slate = "limit_reached"
    tuner_error = "805 All Tuners In Use"
    public = "Your limit of streams at once is reached. Stop another one first."


class NothingToPlay(RestreamerError):
    """No stream with a usable subscription is left to try."""

    status = 503
    retry_after_s = 30.0
    slate = "nothing_available"
    tuner_error = "806 Tune Failed"
    public = "The source of this channel does not work right now."


class CodecChanged(RestreamerError):
    """What is left to play, the running players cannot decode: they must begin anew."""

    status = 503
    retry_after_s = 1.0
    public = "The source of this channel changed its format. Start it again."


class Cancelled(RestreamerError):
    """Nobody waits for the upstream any more."""

    status = 503
    public = "The request was cancelled."


class ViewingEnded(RestreamerError):
    """The viewing of a player that comes by again and again was ended, and must not go on by itself."""

    status = 410
    permanent = True
    public = "This viewing was ended. Press play to begin again."


class SegmentUnknown(RestreamerError):
    """No such segment, or not any more."""

    status = 404
    permanent = True
    public = "There is no such segment (any more)."


class ListFirst(RestreamerError):
    """A segment was asked for outside a viewing: the list begins one."""

    status = 503
    retry_after_s = 1.0
    public = "Ask for the playlist first."
