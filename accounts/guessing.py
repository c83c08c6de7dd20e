"""Whoever guesses tokens or passwords is slowed down: wrong ones are counted per address, in Redis.

A right answer clears nothing: else a guesser with one login of his own could go on for ever. People behind one address
(a household) share the count, so it is generous; players do not mistype.
"""

from __future__ import annotations

from redis import Redis

from restreamer.lib import redis_keys
from restreamer.lib.errors import RestreamerError
from restreamer.lib.redis_client import answering

#: Wrong tokens and passwords allowed from one address in a window.
MOST_WRONG = 30
WINDOW_S = 300

#: Tries at a short code of one user in a window: with three codes right at a time, one in 600 guessers a day.
MOST_CODES = 6
CODE_WINDOW_S = 900

# KEYS[1] the counter   ARGV[1] window in s.   Returns the count so far; the window begins at the first wrong one.
_COUNT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return count
"""


class TooManyGuesses(RestreamerError):
    """This address was wrong too often."""

    status = 429
    retry_after_s = float(WINDOW_S)
    public = "Too many wrong logins came from your address. Wait five minutes, then use the address of your playlist."


def must_not_guess(client: Redis, address: str) -> None:
    """Raises TooManyGuesses when the address has used up its wrong tries, RedisUnavailable."""
    with answering():
        count = client.get(redis_keys.wrong_logins(address))
    if count is not None and int(count) >= MOST_WRONG:
        raise TooManyGuesses(f"{int(count)} wrong logins came from {address}: it waits up to {WINDOW_S // 60} minutes.")


def guessed_wrong(client: Redis, address: str) -> None:
    """Count one wrong token or password. Raises RedisUnavailable."""
    with answering():
        client.eval(_COUNT, 1, redis_keys.wrong_logins(address), WINDOW_S)


def count_guess(client: Redis, subject: str) -> None:
    """Count one try at something short, right or wrong, before it is looked at: tries at once count each.

    Raises TooManyGuesses, RedisUnavailable.
    """
    with answering():
        count = int(client.eval(_COUNT, 1, redis_keys.wrong_logins(subject), CODE_WINDOW_S))
    if count > MOST_CODES:
        raise TooManyGuesses(f"{subject} was tried {count} times.", public="Too many codes. Wait a quarter of an hour.")


def forget_guesses(client: Redis, subject: str) -> None:
    """Let it be tried again at once. Raises RedisUnavailable."""
    with answering():
        client.delete(redis_keys.wrong_logins(subject))
