"""Where one stands in a list that moves: entry, next, reload, stall, and what servers do beside the rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streaming.hls.follow import Follower
from streaming.hls.playlist import MediaPlaylist, Segment


def listed(first, count, *, target=6.0, duration=6.0, ended=False, numbered=True, name="s{n}.ts"):
    """A list of segments s<first>.ts … of equal duration."""
    base = first if numbered else 0
    segments = tuple(
        Segment("http://h/" + name.format(n=first + i), sequence=base + i, duration_s=duration) for i in range(count)
    )
    return MediaPlaylist("http://h/l.m3u8", segments, target, first if numbered else None, ended)


def taken(follower):
    """The numbers in the names of all segments there are now."""
    names = []
    while (segment := follower.next()) is not None:
        names.append(int(segment.url.rpartition("/s")[2].partition(".ts")[0]))
    return names


def following(*playlists, at=0.0):
    follower = Follower()
    for n, playlist in enumerate(playlists):
        follower.load(playlist, at + n)
    return follower


# Entry ------------------------------------------------------------------------------------------------------------


def test_a_live_list_is_entered_three_targets_before_its_end():
    assert taken(following(listed(100, 10))) == [107, 108, 109]


def test_short_segments_are_counted_by_their_duration():
    assert taken(following(listed(100, 20, duration=2.0))) == list(range(111, 120))


def test_a_live_list_shorter_than_three_targets_is_entered_at_its_beginning():
    assert taken(following(listed(100, 2))) == [100, 101]


def test_a_finished_list_is_entered_at_its_beginning():
    follower = following(listed(0, 10, ended=True))

    assert taken(follower) == list(range(10))
    assert follower.at_end


def test_sound_is_entered_where_the_picture_was():
    follower = Follower(start_sequence=103)
    follower.load(listed(100, 10), 0)

    assert taken(follower)[0] == 103


def test_a_start_that_is_not_listed_is_ignored():
    follower = Follower(start_sequence=50)
    follower.load(listed(100, 10), 0)

    assert taken(follower)[0] == 107


def test_an_empty_list_has_nothing_and_is_not_at_its_end():
    follower = following(listed(5, 0))

    assert follower.next() is None
    assert not follower.at_end


# Moving on --------------------------------------------------------------------------------------------------------


def test_only_what_was_added_is_taken_from_the_next_list():
    follower = following(listed(100, 5))
    taken(follower)

    follower.load(listed(102, 5), 6)

    assert taken(follower) == [105, 106]


def test_a_list_that_ended_is_played_to_its_end():
    follower = following(listed(100, 5))
    taken(follower)

    follower.load(listed(100, 6, ended=True), 6)

    assert taken(follower) == [105]
    assert follower.at_end


def test_segments_that_left_the_window_are_missed_and_the_jump_is_marked():
    follower = following(listed(100, 5))
    taken(follower)

    follower.load(listed(200, 5), 60)

    assert follower.missed == 97
    assert follower.next().discontinuity
    assert taken(follower) == [203, 204]


def test_an_encoder_that_begins_again_at_zero_is_followed():
    follower = following(listed(5000, 5))
    taken(follower)

    follower.load(listed(0, 2), 6)

    assert follower.resets == 1
    assert follower.next().discontinuity
    assert taken(follower) == [1]


def test_an_edge_that_lags_behind_brings_nothing_twice():
    follower = following(listed(100, 5))
    taken(follower)

    for at in range(1, 8):
        follower.load(listed(98, 5), at)
        assert taken(follower) == []
    follower.load(listed(101, 5), 9)

    assert taken(follower) == [105]
    assert follower.resets == 0


def test_a_restart_by_a_few_numbers_is_believed_after_some_loads():
    follower = following(listed(10, 5))
    taken(follower)

    for at in range(3):
        follower.load(listed(8, 4, name="new-s{n}.ts"), at)

    assert follower.resets == 1
    assert follower.next() is not None


def test_a_list_without_numbers_goes_on_behind_the_newest_segment_taken():
    follower = following(listed(100, 5, numbered=False))
    taken(follower)

    follower.load(listed(102, 5, numbered=False), 6)

    assert taken(follower) == [105, 106]


def test_a_list_without_numbers_whose_segments_differ_in_their_query_only_is_followed():
    follower = following(listed(100, 5, numbered=False, name="get.php?id=/s{n}.ts"))
    taken(follower)

    follower.load(listed(102, 5, numbered=False, name="get.php?id=/s{n}.ts"), 6)

    assert taken(follower) == [105, 106]


def test_a_new_session_in_every_address_brings_nothing_twice():
    follower = following(listed(100, 5, numbered=False, name="s{n}.ts?session=1"))
    taken(follower)

    follower.load(listed(101, 5, numbered=False, name="s{n}.ts?session=2"), 6)

    assert taken(follower) == [105]


def test_a_list_without_numbers_that_moved_on_entirely_is_entered_again():
    follower = following(listed(100, 5, numbered=False))
    taken(follower)

    follower.load(listed(200, 5, numbered=False), 60)

    assert follower.next().discontinuity


# Time -------------------------------------------------------------------------------------------------------------


def test_a_list_that_grew_is_asked_for_again_after_a_segment():
    follower = following(listed(100, 5), at=50.0)

    assert follower.reload_at == 56.0


def test_a_list_that_did_not_grow_is_asked_for_again_after_half_a_segment():
    follower = following(listed(100, 5))
    follower.load(listed(100, 5), 6.0)

    assert follower.reload_at == 9.0


def test_a_target_duration_written_far_too_large_does_not_slow_the_reloads():
    assert following(listed(100, 5, target=60.0, duration=4.0)).reload_at == 4.0


def test_tiny_targets_do_not_hammer_the_provider():
    assert following(listed(100, 5, target=0.01, duration=0.0)).reload_at == 0.5


def test_a_list_is_stalled_since_it_last_grew():
    follower = following(listed(100, 5), at=10.0)
    follower.load(listed(100, 5), 13.0)
    follower.load(listed(100, 5), 16.0)

    assert follower.stalled_s(20.0) == 10.0


def test_a_list_that_only_loses_segments_counts_as_stalled():
    follower = following(listed(100, 5))
    follower.load(listed(102, 3), 6.0)

    assert follower.stalled_s(12.0) == 12.0


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 8), st.booleans(), st.integers(0, 3)), min_size=1, max_size=12
    )
)
def test_no_sequence_of_lists_makes_it_crash_or_run_for_ever(lists):
    follower = Follower()
    for at, (first, count, numbered, take) in enumerate(lists):
        follower.load(listed(first, count, numbered=numbered), float(at))
        for _ in range(take):
            follower.next()
    assert len(taken(follower)) <= 8
