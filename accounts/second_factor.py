"""The second factor: codes that change every half minute (TOTP, RFC 6238), and recovery codes for a lost phone.

The secret is stored encrypted under the installation's secret key, recovery codes as keyed hashes: a copy of the
database alone makes no code. A code counts once. Guesses are counted per user, whatever address they come from.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time

import pyotp
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.contrib.auth.models import User
from django.db import models, transaction
from django.utils import timezone

from accounts.guessing import count_guess
from restreamer.lib.errors import RestreamerError
from restreamer.lib.redis_client import connection

_STEP_S = 30
#: A clock may be wrong by so many steps.
_WINDOW = 1
RECOVERY_CODES = 10


class SecondFactorUnreadable(RestreamerError):
    """The stored secret was encrypted under another secret key."""

    public = "Your second factor cannot be read any more; an administrator has to take it away."


class SecondFactorQuerySet(models.QuerySet["SecondFactor"]):
    """Words about second factors."""

    def in_use(self) -> SecondFactorQuerySet:
        """Set up to the end: without it, nobody gets in."""
        return self.filter(confirmed_at__isnull=False)


class SecondFactor(models.Model):
    """One user's authenticator."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="second_factor")
    sealed = models.CharField(max_length=300, editable=False)
    #: Number of the half minute whose code was used last.
    last_step = models.BigIntegerField(default=0, editable=False)
    recovery: models.JSONField[list[str], list[str]] = models.JSONField(default=list, editable=False)
    confirmed_at = models.DateTimeField(null=True, editable=False)

    objects = SecondFactorQuerySet.as_manager()

    def __str__(self) -> str:
        return f"second factor of {self.user}"

    @property
    def address(self) -> str:
        """What an authenticator app reads from the picture. Raises SecondFactorUnreadable."""
        return pyotp.TOTP(self.secret).provisioning_uri(name=self.user.get_username(), issuer_name="Restreamer")

    @property
    def secret(self) -> str:
        """The shared secret, to be typed where no camera is. Raises SecondFactorUnreadable."""
        try:
            return _box().decrypt(self.sealed.encode()).decode()
        except InvalidToken as err:
            raise SecondFactorUnreadable(
                f"The second factor of {self.user} was stored under another RESTREAMER_SECRET_KEY. "
                "Take it away: manage.py user no-factor NAME"
            ) from err

    def accepts(self, given: str) -> bool:
        """Is this a code that is right now and was not used before? Then it is used up.

        Counts the guess. Raises TooManyGuesses, RedisUnavailable, SecondFactorUnreadable.
        """
        count_guess(connection(), f"code-{self.user_id}")
        word = "".join(given.split()).replace("-", "").upper()
        return (
            self._accepts_code(word) if word.isascii() and word.isdigit() and len(word) == 6 else self._recovers(word)
        )

    def _accepts_code(self, code: str) -> bool:
        totp, now = pyotp.TOTP(self.secret), int(time.time()) // _STEP_S
        right = [at for at in range(now - _WINDOW, now + _WINDOW + 1) if _same(totp.at(at * _STEP_S), code)]
        if not right:
            return False
        # One statement decides between two who send the same code at once.
        return bool(SecondFactor.objects.filter(pk=self.pk, last_step__lt=right[-1]).update(last_step=right[-1]))

    @transaction.atomic
    def _recovers(self, code: str) -> bool:
        row = SecondFactor.objects.select_for_update().get(pk=self.pk)
        digest = _digest(code)
        found = [one for one in row.recovery if _same(one, digest)]
        if not found:
            return False
        row.recovery = [one for one in row.recovery if one not in found]
        row.save(update_fields=["recovery"])
        return True

    def new_recovery_codes(self) -> list[str]:
        """Ten codes, each good for one login, to be shown once; the old ones are void."""
        codes = [base64.b32encode(secrets.token_bytes(10)).decode() for _ in range(RECOVERY_CODES)]
        self.recovery = [_digest(code) for code in codes]
        self.save(update_fields=["recovery"])
        return ["-".join(code[at : at + 4] for at in range(0, 16, 4)) for code in codes]

    def confirm(self, code: str) -> bool:
        """The app shows the right code: from now on it is asked for. Raises as `accepts`."""
        if not self.accepts(code):
            return False
        self.confirmed_at = timezone.now()
        self.save(update_fields=["confirmed_at"])
        return True


def begin(user: User) -> SecondFactor:
    """A new secret that counts once it is confirmed; an older unconfirmed one is void."""
    SecondFactor.objects.filter(user=user, confirmed_at__isnull=True).delete()
    return SecondFactor.objects.create(user=user, sealed=_box().encrypt(pyotp.random_base32().encode()).decode())


def of(user: User) -> SecondFactor | None:
    """The user's second factor, when it is in use."""
    return SecondFactor.objects.in_use().filter(user=user).first()


def take_away(user: User) -> bool:
    """For a lost phone; returns whether there was one."""
    return bool(SecondFactor.objects.filter(user=user).delete()[0])


def _box() -> Fernet:
    key = hmac.new(settings.SECRET_KEY.encode(), b"restreamer second factor", hashlib.sha256).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def _digest(code: str) -> str:
    return hmac.new(settings.SECRET_KEY.encode(), f"recovery\0{code}".encode(), hashlib.sha256).hexdigest()


def _same(left: str, right: str) -> bool:
    return secrets.compare_digest(left.encode(), right.encode())
