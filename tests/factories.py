"""The least that makes a valid row."""

from __future__ import annotations

import factory

from accounts.models import Viewer
from channels.models import Channel, ChannelStream, Group, Stream
from portals.models import Genre, Portal, Subscription


class PortalFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Portal

    name = factory.Sequence(lambda n: f"Portal {n}")
    slug = factory.Sequence(lambda n: f"portal-{n}")
    address = "http://127.0.0.1:9/c/"


class SubscriptionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Subscription

    portal = factory.SubFactory(PortalFactory)
    mac = factory.Sequence(lambda n: f"00:1A:79:00:{n // 256 % 256:02X}:{n % 256:02X}")


class GenreFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Genre

    portal = factory.SubFactory(PortalFactory)
    provider_id = factory.Sequence(str)
    name = factory.Sequence(lambda n: f"Genre {n}")


class StreamFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Stream

    portal = factory.SubFactory(PortalFactory)
    provider_id = factory.Sequence(str)
    name = factory.Sequence(lambda n: f"Stream {n}")
    cmd = factory.LazyAttribute(lambda s: f"ffrt http://localhost/ch/{s.provider_id}")


class GroupFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Group

    name = factory.Sequence(lambda n: f"Group {n}")


class ChannelFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Channel

    name = factory.Sequence(lambda n: f"Channel {n}")
    enabled = True


class LinkFactory(factory.django.DjangoModelFactory):
    """A channel fed by a stream."""

    class Meta:
        model = ChannelStream

    channel = factory.SubFactory(ChannelFactory)
    stream = factory.SubFactory(StreamFactory)


class ViewerFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Viewer

    name = factory.Sequence(lambda n: f"viewer{n}")
    connections = 0
