"""Whom a single sign-on stands for: an identity there is one user here, known by issuer and subject, never by name."""

from __future__ import annotations

import re

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models, transaction

from accounts.roles import Role, give_role, role_of
from restreamer.lib.errors import RestreamerError


class SignOnRefused(RestreamerError):
    """The single sign-on worked, but it is nobody who may come in."""

    status = 403
    public = "You are known there, but not here. Ask an administrator."


class ExternalIdentity(models.Model):
    """What an identity provider calls one of our users."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=300)
    subject = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="one_user_per_identity")]

    def __str__(self) -> str:
        return f"{self.user} at {self.issuer}"


@transaction.atomic
def user_of(issuer: str, claims: dict[str, object], *, create: bool) -> User:
    """The user an identity stands for; a new one has the role viewer. Raises SignOnRefused.

    An e-mail address the provider has verified finds a viewer we know. It never finds a curator or administrator:
    they connect the two themselves while logged in, so that an address alone gives nobody power.
    """
    subject = str(claims["sub"])[:255]
    known = ExternalIdentity.objects.filter(issuer=issuer, subject=subject).select_related("user").first()
    if known is not None:
        return _may_enter(known.user)
    email = str(claims.get("email") or "") if claims.get("email_verified") is True else ""
    found = list(User.objects.filter(email__iexact=email)[:2]) if email else []
    if len(found) == 1 and role_of(found[0]) == Role.VIEWER:
        connect(found[0], issuer, subject)
        return _may_enter(found[0])
    if found or not create:
        raise SignOnRefused("A single sign-on was refused: no user of ours is connected with it.")
    user = User(username=_free_name(claims), email=email)
    user.set_unusable_password()
    user.save()
    give_role(user, Role.VIEWER)
    connect(user, issuer, subject)
    return user


def connect(user: User, issuer: str, subject: str) -> None:
    """From now on the identity is this user. Raises SignOnRefused when it is somebody else."""
    row, _ = ExternalIdentity.objects.get_or_create(issuer=issuer, subject=subject[:255], defaults={"user": user})
    if row.user_id != user.pk:
        raise SignOnRefused(
            "That identity is connected with another user.", public="It is connected with another user."
        )


def _may_enter(user: User) -> User:
    if not user.is_active:
        raise SignOnRefused(f"{user} is switched off.")
    return user


def _free_name(claims: dict[str, object]) -> str:
    """A name nobody has: an existing user is never meant by it."""
    wish = str(claims.get("preferred_username") or str(claims.get("email") or "").partition("@")[0] or "guest")
    name = re.sub(r"[^\w.@+-]", "", wish)[:120] or "guest"
    taken = {one.lower() for one in User.objects.filter(username__istartswith=name).values_list("username", flat=True)}
    return next(one for one in [name, *(f"{name}-{n}" for n in range(2, len(taken) + 3))] if one.lower() not in taken)
