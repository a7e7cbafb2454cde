from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from redraft.core.example import Example, Image, message
from redraft.inference.blindness import mean_loss, verdict
from redraft.inference.shuffled import with_other_images


def example(number: int, *pictures: bytes) -> Example:
    images = tuple(Image(f"{n}.png", data) for n, data in enumerate(pictures))
    return Example(f"e{number}", images, (message("user", "?", len(pictures)), message("assistant", "a")), {})


def pictures(one: Example) -> tuple[bytes, ...]:
    return tuple(image.bytes for image in one.images)


@given(st.lists(st.lists(st.sampled_from([b"a", b"b", b"c", b"d"]), max_size=2), max_size=24), st.integers(0, 5))
def test_nobody_keeps_its_own_images_and_the_images_stay_the_same_ones(sets, seed):
    examples = [example(n, *one) for n, one in enumerate(sets)]
    moved = with_other_images(examples, seed)
    for index, changed in moved:
        assert pictures(changed) != pictures(examples[index])
        assert len(changed.images) == len(examples[index].images)
        assert (changed.id, changed.messages) == (examples[index].id, examples[index].messages)
    for count in (1, 2):
        group = [one for one in examples if len(one.images) == count]
        most = max(Counter(map(pictures, group)).values(), default=0)
        got = [pictures(changed) for _, changed in moved if len(changed.images) == count]
        if 2 * most <= len(group):  # then a permutation without a fixed point exists, and every example moves
            assert Counter(got) == Counter(map(pictures, group))
        elif most == len(group):  # only a group of another size has different ones
            others = {(pictures(one) * 2)[:count] for one in examples if len(one.images) == 3 - count}
            others -= {pictures(one) for one in group}
            assert set(got) <= others and len(got) == (len(group) if others else 0)
        else:
            assert len(got) >= 2 * (len(group) - most)


def test_the_same_seed_moves_the_same_images():
    examples = [example(n, bytes([n])) for n in range(20)]
    assert with_other_images(examples, 4) == with_other_images(examples, 4)
    assert with_other_images(examples, 4) != with_other_images(examples, 5)


def test_a_document_with_as_many_pages_as_no_other_gets_pages_of_another_one():
    examples = [example(0, b"a", b"b", b"c"), example(1, b"d"), example(2, b"e", b"f", b"g", b"h", b"i")]
    moved = dict(with_other_images(examples))
    assert pictures(moved[0]) == (
        b"e",
        b"f",
        b"g",
    )  # 1 and 5 are as near; 5 shows more
    assert pictures(moved[1]) == (b"a",)
    assert pictures(moved[2]) == (b"a", b"b", b"c", b"a", b"b")


def test_equal_losses_are_a_blind_model():
    own = [(10.0 + n, 10) for n in range(12)]
    found = verdict(own, own)
    assert found["blind"] is True
    assert found["loss"] == found["loss_shuffled"] == mean_loss(own)
    assert found["says"].startswith("This model is blind")


def test_a_clear_gain_is_a_model_that_looks():
    own = [(10.0 + n, 10) for n in range(12)]
    found = verdict(own, [(loss + 5, tokens) for loss, tokens in own])
    assert found["blind"] is False
    assert found["difference"] == 0.5
    assert "12 examples" in found["says"]


def test_a_gain_within_the_noise_is_not_taken_for_sight():
    own = [(10.0, 10)] * 12
    other = [(10.0 + (9 if n % 2 else -8), 10) for n in range(12)]
    assert verdict(own, other)["blind"] is True


def test_a_tiny_certain_gain_is_within_the_margin():
    own = [(10.0 + n, 10) for n in range(12)]
    assert verdict(own, [(loss * 1.001, tokens) for loss, tokens in own])["blind"] is True


def test_without_different_images_nothing_is_claimed():
    same = [example(n, b"x") for n in range(5)]
    assert with_other_images(same) == []
    found = verdict([], [])
    assert found["blind"] is None
    assert "no two examples have different images" in found["says"]
