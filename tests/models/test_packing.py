"""Examples that share a row have the losses and the gradients that they have apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.core.errors import RecipeError
from redraft.core.recipe import Model
from redraft.models import small
from redraft.models.collate import Batch, collate
from redraft.models.encode import IGNORE, Encoder, Encoding
from redraft.models.load import Loaded, load_model
from redraft.models.loss import loss_per_example, summed_loss
from redraft.models.packing import enable_packing, pack, rows
from redraft.models.segments import SEGMENTS, implementation
from toy_parts import SMALL, toy_examples

FAMILIES = ("granite_docling", "deepseek_ocr2", "unlimited_ocr", "idefics3", "llava", "qwen3_vl", "paligemma")


def family_model(name: str, folder: Path) -> Loaded:
    if name.startswith("tiny"):
        options = {**SMALL, "decoder": name.removeprefix("tiny-")}
        return load_model(
            Model(base="tiny", freeze=(), options=options), texts=[e.answer for e in toy_examples(32)]
        )
    small.build(name, folder)
    return load_model(Model(base=str(folder)))


def encodings(encoder: Encoder) -> list[Encoding]:
    """Three of different lengths, and one with fewer pictures than the others."""
    found = [encoder.encode(example) for example in toy_examples(4)]
    return sorted(found, key=len, reverse=True)[:3] + found[:1]


def all_gradients(model: Any, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize(
    "name",
    ["tiny-gpt2", "tiny-llama", "qwen2_5_vl", *(pytest.param(n, marks=pytest.mark.slow) for n in FAMILIES)],
)
@pytest.mark.parametrize("attention", ["sdpa", "eager", SEGMENTS])
def test_packed_is_apart(name: str, attention: str, tmp_path: Path) -> None:
    loaded = family_model(name, tmp_path)
    encoder = Encoder(loaded)
    examples = encodings(encoder)
    apart = collate(examples, encoder.pad_id)
    expected, counts = loss_per_example(loaded.model, apart)
    theirs = all_gradients(loaded.model, summed_loss(loaded.model, apart))
    if attention == SEGMENTS:
        enable_packing(loaded.model, examples[:2], encoder.pad_id)
    elif attention == "eager":
        loaded.model.set_attn_implementation(attention)
    assert implementation(loaded.model) == attention
    packed = pack(loaded.model, examples)
    assert packed.labels.shape == packed.inputs["input_ids"].shape == (1, sum(len(e) for e in examples))
    assert packed.ids == apart.ids and packed.supervised == apart.supervised
    losses, packed_counts = loss_per_example(loaded.model, packed)
    assert packed_counts.tolist() == counts.tolist()
    assert torch.allclose(losses, expected, rtol=1e-5)
    mine = all_gradients(loaded.model, summed_loss(loaded.model, packed))
    scale = max(float(g.abs().max()) for g in theirs.values())
    assert mine.keys() == theirs.keys()
    assert all(float((mine[key] - theirs[key]).abs().max()) < 1e-5 * scale for key in mine)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return family_model("qwen2_5_vl", tmp_path_factory.mktemp("qwen"))


def test_a_model_ready_for_packing_still_pads_answers_and_saves_the_same(loaded: Loaded, tmp_path: Path) -> None:
    encoder = Encoder(loaded)
    examples = encodings(encoder)
    batch = collate(examples, encoder.pad_id)
    prompts = collate([encoder.encode_prompt(e) for e in toy_examples(2)], encoder.pad_id, "left")

    def answers() -> torch.Tensor:
        with torch.no_grad():
            return loaded.model.generate(**prompts.inputs, max_new_tokens=6, do_sample=False)

    before, text = summed_loss(loaded.model, batch), answers()
    loaded.model.config.save_pretrained(tmp_path / "before")
    enable_packing(loaded.model, examples[:2], encoder.pad_id)
    loaded.model.config.save_pretrained(tmp_path / "after")
    assert torch.equal(before, summed_loss(loaded.model, batch))
    assert torch.equal(text, answers())
    saved = [(tmp_path / name / "config.json").read_bytes() for name in ("before", "after")]
    assert saved[0] == saved[1]


def test_labels_on_a_first_token_never_count(loaded: Loaded) -> None:
    encoder = Encoder(loaded)
    examples = encodings(encoder)
    for example in examples:
        example.labels[0] = 5
    packed = pack(loaded.model, examples)
    assert packed.supervised == sum(e.supervised for e in examples)
    starts = torch.tensor([0, *packed.lengths[:-1]]).cumsum(0)
    assert (packed.labels[0, starts] == IGNORE).all()


def test_what_another_example_holds_changes_nothing(loaded: Loaded) -> None:
    encoder = Encoder(loaded)
    examples = [encoder.encode(e) for e in toy_examples(3)]
    enable_packing(loaded.model, examples[:2], encoder.pad_id)
    others = [encoder.encode(e) for e in toy_examples(8)[5:]]
    with torch.no_grad():
        first = loss_per_example(loaded.model, pack(loaded.model, examples))[0]
        second = loss_per_example(loaded.model, pack(loaded.model, [others[0], examples[1], others[2]]))[0]
    assert float(first[1]) == pytest.approx(float(second[1]), rel=1e-5)
    assert float(first[0]) != pytest.approx(float(second[0]), rel=1e-3)


def test_a_leak_is_refused(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the borders left out, examples see those before them; the proof must notice."""
    from redraft.models import packing

    encoder = Encoder(loaded)
    examples = [encoder.encode(e) for e in toy_examples(2)]
    monkeypatch.setattr(packing, "segments", lambda lengths, both: torch.tensor([[[[sum(lengths)], [0]]]]))
    with pytest.raises(RecipeError, match="do not have the losses they have alone"):
        enable_packing(loaded.model, examples, encoder.pad_id)


def test_a_packed_batch_moves_whole(loaded: Loaded) -> None:
    packed = pack(loaded.model, [Encoder(loaded).encode(e) for e in toy_examples(2)])
    moved = packed.to("meta")
    assert isinstance(moved, Batch) and moved.lengths == packed.lengths
    assert all(value.device.type == "meta" for value in (moved.labels, *moved.inputs.values()))


@given(st.lists(st.integers(1, 500), max_size=60), st.integers(1, 600))
@settings(max_examples=100, deadline=None)
def test_rows_hold_every_example_once_and_overflow_only_alone(lengths: list[int], most: int) -> None:
    found = rows(lengths, most)
    assert sorted(place for row in found for place in row) == list(range(len(lengths)))
    for row in found:
        assert sum(lengths[place] for place in row) <= most or len(row) == 1
    fitting = [length for length in lengths if length <= most]
    assert sum(len(row) > 0 for row in found) <= len(lengths)
    if fitting:  # first fit over falling lengths fills at least half of all rows but one
        least = -(-sum(fitting) // most)
        assert len(found) - (len(lengths) - len(fitting)) <= 2 * least
