"""Networks as people write them."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from accounts.networks import contains, parse_networks, validate_networks


@pytest.mark.parametrize(
    ("text", "address", "inside"),
    [
        ("192.168.1.0/24", "192.168.1.77", True),
        ("192.168.1.0/24", "192.168.2.1", False),
        ("192.168.1.7", "192.168.1.7", True),
        ("10.0.0.0/8, 192.168.0.0/16\nfd00::/8", "fd00::1", True),
        ("192.168.1.0/24", "::ffff:192.168.1.7", True),
        ("192.168.1.0/24", "no address", False),
        ("192.168.1.0/24", "", False),
        ("", "192.168.1.7", False),
        ("0.0.0.0/0", "fd00::1", False),
        ("192.168.1.5/24", "192.168.1.7", True),
    ],
)
def test_an_address_is_in_one_of_them_or_not(text, address, inside):
    assert contains(text, address) is inside


@pytest.mark.parametrize("text", ["lan", "192.168.1.0/33", "192.168.1.", "1.2.3.4 " * 65])
def test_what_is_no_list_of_networks_is_told_with_the_word(text):
    with pytest.raises(ValidationError):
        validate_networks(text)


def test_any_separator_does():
    assert len(parse_networks("10.0.0.1;10.0.0.2 ,\n10.0.0.3\t10.0.0.4")) == 4
