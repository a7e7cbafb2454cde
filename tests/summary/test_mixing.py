"""Datasets mixed by weight: seeded, interleaved, each document once, with all their rights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from importing import Imported, row, same_files, take, write_lines

from redraft.core.errors import InputError, UsageError
from redraft.core.work import Silent
from redraft.datasets.mixing import _apportioned, _spread
from redraft.worker.verbs import find_verb


def made(folder: Path, name: str, first: int, count: int, **request: Any) -> Imported:
    source = write_lines(folder / f"{name}.jsonl", [row(n) for n in range(first, first + count)])
    return take(source, folder / name, **request)


def mix(out: Path, parts: Sequence[tuple[Imported, float | None]], **request: Any) -> Imported:
    work = Silent()
    given = [{"dataset": str(part.out), "weight": weight} for part, weight in parts]
    value = find_verb("data.mix")({"out": str(out), "parts": given} | request, work).value
    return Imported(out, value, work)


@pytest.fixture(scope="module")
def a(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    return made(tmp_path_factory.mktemp("a"), "a", 0, 30, validation=3, licence="mit")


@pytest.fixture(scope="module")
def b(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    return made(tmp_path_factory.mktemp("b"), "b", 100, 14, validation=2, test=2, licence="cc0-1.0")


def test_shares_follow_the_weights_and_nothing_is_twice(a: Imported, b: Imported, tmp_path: Path) -> None:
    mixed = mix(tmp_path / "mix", [(a, 2), (b, 1)])
    assert mixed.manifest.counts == {"train": 30, "validation": 5, "test": 2}
    assert list(mixed.value["taken"].values()) == [20, 10]
    ids = mixed.ids()
    assert len(set(ids)) == 30 and set(ids) < set(a.ids()) | set(b.ids())
    assert set(mixed.ids("validation")) == set(a.ids("validation")) | set(b.ids("validation"))
    for start in range(0, 30, 6):  # interleaved: every stretch holds both in their shares
        assert sum(id in b.ids() for id in ids[start : start + 6]) == 2
    rights = {(r.source, r.licence): r.examples for r in mixed.manifest.ledger}
    assert rights == {("a", "mit"): 23, ("b", "cc0-1.0"): 14}
    example = mixed.dataset.split("train")[0]
    assert example.images and mixed.manifest.images == "drawn"


def test_the_seed_decides_and_a_count_limits(a: Imported, b: Imported, tmp_path: Path) -> None:
    one = mix(tmp_path / "one", [(a, 1), (b, 1)], count=12, seed=1)
    same = mix(tmp_path / "same", [(a, 1), (b, 1)], count=12, seed=1)
    other = mix(tmp_path / "other", [(a, 1), (b, 1)], count=12, seed=2)
    assert same_files(one.out, same.out) and set(one.ids()) != set(other.ids()) and len(one.ids()) == 12
    short = mix(tmp_path / "short", [(a, 1), (b, 3)], count=40)
    assert short.manifest.counts["train"] == 20
    assert short.work.logs == ["train of b: 10 of the 30 examples asked for: the source has no more that fit"]
    every = mix(tmp_path / "every", [(a, None), (b, None)])
    assert every.manifest.counts["train"] == 37
    none = mix(tmp_path / "none", [(a, 1), (b, 0)])
    assert list(none.value["taken"].values()) == [27, 0]


def test_what_is_held_out_anywhere_is_not_trained_on(a: Imported, tmp_path: Path) -> None:
    again = made(tmp_path, "again", 0, 40, test=20, seed=9)
    mixed = mix(tmp_path / "mix", [(a, None), (again, None)])
    texts = {split: {e.truth["text"] for e in mixed.dataset.split(split).iterate(draw=False)}
             for split in mixed.manifest.counts}  # fmt: skip
    assert not texts["train"] & (texts["test"] | texts["validation"]) and not texts["test"] & texts["validation"]
    assert sum(map(len, texts.values())) == 40 == sum(mixed.manifest.counts.values())
    assert mixed.manifest.left_out.count == 30 and "a duplicate" in mixed.manifest.left_out.reasons
    checked = find_verb("data.check")({"dataset": str(mixed.out)}, Silent()).value
    assert checked["faults"] == []


def test_the_same_id_for_other_documents(a: Imported, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "x.jsonl", [row(0, text="Quite another text about other things.")])
    other = take(source, tmp_path / "x", train=1)
    mixed = mix(tmp_path / "mix", [(a, None), (other, None)])
    assert mixed.manifest.counts["train"] == 28 and "x/doc-0" in mixed.ids()


def test_options_agree_or_are_said(a: Imported, tmp_path: Path) -> None:
    small = made(tmp_path, "small", 200, 4, train=4, options={"style": {"size": "small", "font_size": 30}})
    with pytest.raises(
        UsageError, match=r"do not agree on the option style\.font_size: [0-9.]+ in a, 30\.0 in small"
    ):
        mix(tmp_path / "no", [(a, None), (small, None)])
    with pytest.raises(UsageError, match=r"style\.size"):
        mix(tmp_path / "no", [(a, None), (small, None)], options={"style": {"font_size": 20}})
    said = {"style": {"font_size": 60, "size": "tiny"}}
    mixed = mix(tmp_path / "mix", [(a, None), (small, None)], options=said)
    assert mixed.manifest.options["style"]["size"] == "tiny"
    places = {e.id: e.messages[0].image_count for e in mixed.dataset.split("train")}  # drawing holds it to them
    before = {e.id: e.messages[0].image_count for e in a.dataset.split("train").iterate(draw=False)}
    assert places["doc-1"] > before["doc-1"]
    assert not (tmp_path / "no").exists()


def test_kept_pages_stay_and_missing_ones_are_drawn(a: Imported, tmp_path: Path) -> None:
    kept = made(tmp_path, "kept", 300, 3, train=3, options={"keep_images": True})
    said = {"options": {"keep_images": True}}
    mixed = mix(tmp_path / "mix", [(a, None), (kept, None)], count=6, **said)
    assert mixed.manifest.images == "stored"
    assert all(e.images for e in mixed.dataset.split("train").iterate(draw=False))
    bare = mix(tmp_path / "bare", [(a, None), (kept, None)], images=False, options={"keep_images": False})
    assert bare.manifest.images == "drawn"


def test_what_cannot_be_mixed(a: Imported, tmp_path: Path) -> None:
    cad = tmp_path / "cad"
    find_verb("data.generate")(
        {"task": "cad", "out": str(cad), "count": 1, "options": {"style": {"size": 128}}}, Silent()
    )
    request: dict[str, Any] = {
        "out": str(tmp_path / "o"),
        "parts": [{"dataset": str(a.out)}, {"dataset": str(cad)}],
    }
    with pytest.raises(UsageError, match="of the task cad, and the first one of summary"):
        find_verb("data.mix")(request, Silent())
    (tmp_path / "plain").mkdir()
    with pytest.raises(InputError):
        find_verb("data.mix")(
            {"out": str(tmp_path / "o"), "parts": [{"dataset": str(tmp_path / "plain")}]}, Silent()
        )
    assert not (tmp_path / "o").exists()


@given(st.lists(st.floats(0, 10), min_size=1, max_size=6).filter(lambda w: sum(w) > 0.1), st.integers(0, 200))
def test_shares_add_up_and_come_near(weights: list[float], total: int) -> None:
    shares = [weight / sum(weights) for weight in weights]
    found = _apportioned(float(total), shares)
    assert sum(found) == total
    assert all(abs(number - total * share) < 1.001 for number, share in zip(found, shares, strict=True))
    assert [index for _, _, index in _spread(range(total), 0)] == list(range(total))
