"""Features kept on disk stand in for the pictures, bit for bit, and survive what disks and people do to them."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch

from redraft.core.errors import InputError, RecipeError
from redraft.core.example import Example, Image, message
from redraft.core.recipe import Model, Train
from redraft.core.work import Silent
from redraft.models import small
from redraft.models.collate import Batch, collate
from redraft.models.encode import Encoder, Encoding
from redraft.models.freeze import freeze
from redraft.models.load import Loaded, load_model
from redraft.models.loss import summed_loss
from redraft.models.packing import enable_packing, pack
from redraft.training import feature_shards
from redraft.training.feature_cache import CacheFull, FeatureCache, feature_key, level_of, open_wanted
from redraft.training.feature_shards import Shards
from toy_parts import toy_example, toy_examples

FAMILIES = ("granite_docling", "deepseek_ocr2", "unlimited_ocr", "idefics3", "llava", "qwen3_vl", "paligemma")
LARGE = 10**9


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("qwen")
    small.build("qwen2_5_vl", made)
    return made


def opened(folder: Path, *parts: str) -> Loaded:
    return load_model(Model(base=str(folder), freeze=parts or ("vision",)))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def loaded(folder: Path) -> Loaded:
    return opened(folder, "vision", "projector")


def kept_cache(loaded: Loaded, root: Path, **more: Any) -> FeatureCache:
    settings: dict[str, Any] = {"level": None, "dtype": torch.float32, "limit_bytes": LARGE, "work": Silent()}
    return FeatureCache.open(loaded, root, **{**settings, **more})


def filled(cache: FeatureCache, examples: list[Example]) -> list[tuple[str, Encoding]]:
    encoder = Encoder(cache.loaded)
    cache.expect(len(examples))
    found = []
    for example in examples:
        key = feature_key(example)
        found.append((key, cache.take(key, encoder.encode(example))))
    cache.flush()
    return found


def mixed() -> list[Example]:
    """Three pictures, one, none, and one of another size."""
    three, other = toy_example(1), toy_example(2)
    one = dataclasses.replace(
        other, id="one", images=other.images[:1], messages=(message("user", "What?", 1), message("assistant", "a"))
    )
    none = Example("none", (), (message("user", "What?"), message("assistant", "nothing here")), {})
    large = toy_example(3, size=112)
    return [three, one, none, large]


def gradients(model: Any, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    model.zero_grad()
    loss = summed_loss(model, batch)
    loss.backward()
    return loss.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("name", ["qwen2_5_vl", *(pytest.param(n, marks=pytest.mark.slow) for n in FAMILIES)])
@pytest.mark.parametrize("level", ["projector", "encoder"])
def test_cached_is_uncached(name: str, level: str, tmp_path: Path) -> None:
    small.build(name, tmp_path / "model")
    parts = ("vision", "projector") if level == "projector" else ("vision",)
    loaded = opened(tmp_path / "model", *parts)
    assert level_of(loaded) == level
    encoder, examples = Encoder(loaded), mixed()
    cache = kept_cache(loaded, tmp_path / "features")
    pairs = filled(cache, examples)
    assert all(kept.pixel_values is None for _, kept in pairs)
    again = kept_cache(loaded, tmp_path / "features")
    for chosen in ([0], [3], [0, 1, 2, 3]):
        live = collate([encoder.encode(examples[i]) for i in chosen], encoder.pad_id)
        stored = collate([again.give(*pairs[i]) for i in chosen], encoder.pad_id)
        assert not set(encoder.family.pixel_inputs) & set(stored.inputs)
        expected, theirs = gradients(loaded.model, live)
        found, mine = gradients(loaded.model, stored)
        if len(chosen) == 1:
            assert torch.equal(found, expected)
            assert all(torch.equal(mine[key], theirs[key]) for key in mine)
        assert float(found) == pytest.approx(float(expected), rel=1e-5)
        assert mine.keys() == theirs.keys()


def test_features_of_a_half_precision_run_are_its_own(loaded: Loaded, tmp_path: Path) -> None:
    encoder, example = Encoder(loaded), toy_example(1)
    cache = kept_cache(loaded, tmp_path, dtype=torch.bfloat16)
    (pair,) = filled(cache, [example])
    with torch.autocast("cpu", torch.bfloat16):
        live = summed_loss(loaded.model, collate([encoder.encode(example)], encoder.pad_id))
        stored = summed_loss(loaded.model, collate([cache.give(*pair)], encoder.pad_id))
    assert torch.equal(live, stored)
    assert kept_cache(loaded, tmp_path).folder != cache.folder


def test_a_packed_row_takes_features(loaded: Loaded, tmp_path: Path) -> None:
    encoder, examples = Encoder(loaded), mixed()
    cache = kept_cache(loaded, tmp_path)
    pairs = filled(cache, examples)
    enable_packing(loaded.model, [encoder.encode(e) for e in examples[:2]], encoder.pad_id)
    live = summed_loss(loaded.model, pack(loaded.model, [encoder.encode(e) for e in examples]))
    stored = summed_loss(loaded.model, pack(loaded.model, [cache.give(*pair) for pair in pairs]))
    assert float(stored.detach()) == pytest.approx(float(live.detach()), rel=1e-5)


def test_the_encoder_does_not_run_again(loaded: Loaded, tmp_path: Path) -> None:
    cache = kept_cache(loaded, tmp_path)
    pairs = filled(cache, toy_examples(3))
    second = kept_cache(loaded, tmp_path)
    runs: list[Any] = []
    hook = loaded.model.model.visual.register_forward_hook(lambda *a: runs.append(1))
    try:
        filled(second, toy_examples(3))
        batch = collate([second.give(*pair) for pair in pairs], 0)
        summed_loss(loaded.model, batch)
    finally:
        hook.remove()
    assert second.made == 0 and not runs


def test_other_weights_settings_or_pictures_have_other_keys(folder: Path, tmp_path: Path) -> None:
    first = kept_cache(opened(folder, "vision", "projector"), tmp_path)
    same = kept_cache(opened(folder, "vision", "projector"), tmp_path)
    assert first.folder == same.folder

    changed = opened(folder, "vision", "projector")
    with torch.no_grad():
        next(changed.model.model.visual.blocks.parameters()).view(-1)[0] += 1e-3
    merger = opened(folder, "vision", "projector")
    with torch.no_grad():
        next(merger.model.model.visual.merger.parameters()).view(-1)[0] += 1e-3
    decoder = opened(folder, "vision", "projector")
    with torch.no_grad():
        next(decoder.model.model.language_model.parameters()).view(-1)[0] += 1e-3
    pictures = opened(folder, "vision", "projector")
    pictures.processor.image_processor.image_mean = [0.1, 0.2, 0.3]
    folders = [
        first.folder,
        kept_cache(changed, tmp_path).folder,
        kept_cache(merger, tmp_path).folder,
        kept_cache(pictures, tmp_path).folder,
        kept_cache(opened(folder, "vision"), tmp_path).folder,
        kept_cache(first.loaded, tmp_path, dtype=torch.bfloat16).folder,
    ]
    assert len(set(folders)) == len(folders)
    assert kept_cache(decoder, tmp_path).folder == first.folder
    trained_merger = opened(folder, "vision")
    before = kept_cache(trained_merger, tmp_path).folder
    with torch.no_grad():
        next(trained_merger.model.model.visual.merger.parameters()).view(-1)[0] += 1e-3
    assert kept_cache(trained_merger, tmp_path).folder == before

    example = toy_example(1)
    spoilt = bytearray(example.images[1].bytes)
    spoilt[-1] ^= 1
    images = (example.images[0], Image("top.png", bytes(spoilt)), example.images[2])
    turned = (example.images[1], example.images[0], example.images[2])
    keys = {feature_key(dataclasses.replace(example, images=i)) for i in (example.images, images, turned)}
    assert len(keys) == 3


def test_a_damaged_shard_is_made_again(loaded: Loaded, tmp_path: Path) -> None:
    cache = kept_cache(loaded, tmp_path)
    examples = toy_examples(2)
    pairs = filled(cache, examples[:1])
    first = cache.shards.written[0]
    pairs += filled(cache, examples[1:])
    sound = [{k: v.clone() for k, v in cache.get(key).items()} for key, _ in pairs]
    data = bytearray(first.read_bytes())
    data[-5] ^= 0x10
    first.write_bytes(bytes(data))

    work = Silent()
    again = kept_cache(loaded, tmp_path, work=work)
    filled(again, examples)
    assert again.made == 1
    assert sum("is damaged" in line for line in work.logs) == 1
    for (key, _), expected in zip(pairs, sound, strict=True):
        found = again.get(key)
        assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("rest", [0, 7, 100, -3])
def test_a_cut_shard_is_made_again(loaded: Loaded, tmp_path: Path, rest: int) -> None:
    cache = kept_cache(loaded, tmp_path)
    filled(cache, toy_examples(1))
    path = cache.shards.written[0]
    path.write_bytes(path.read_bytes()[:rest])
    again = kept_cache(loaded, tmp_path)
    filled(again, toy_examples(1))
    assert again.made == 1 and again.shards.written == [path]


WRITER = """
import os, sys
from pathlib import Path
import torch
from redraft.training import feature_shards
feature_shards.SHARD_BYTES = 4000
shards = feature_shards.Shards(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 10**6):
    shards.put(f"{number % 400:064x}", {"tokens": torch.full((200,), float(number % 400))})
    print(number, flush=True)
"""


def test_a_killed_writer_leaves_whole_shards_alone(tmp_path: Path) -> None:
    """Two processes write the same entries into the same folder and are killed at once."""
    program = textwrap.dedent(WRITER)
    writers = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path), start], stdout=subprocess.PIPE)
        for start in ("0", "3")
    ]
    for writer in writers:
        assert writer.stdout is not None
        for _ in range(40):
            writer.stdout.readline()
        writer.kill()
        writer.wait()
        writer.stdout.close()
    damaged: list[Path] = []
    shards = Shards(tmp_path, damaged.append)
    keys = [f"{number:064x}" for number in range(400)]
    whole = [key for key in keys if shards.has(key)]
    assert len(whole) >= 30 and not damaged
    for key in whole:
        assert torch.equal(shards.get(key)["tokens"], torch.full((200,), float(int(key, 16))))


def test_what_a_killed_writer_left_half_done_goes_away(tmp_path: Path) -> None:
    old, young = tmp_path / ".features-ab.safetensors.x.tmp", tmp_path / ".features-cd.safetensors.y.tmp"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    Shards(tmp_path)
    assert not old.exists() and young.exists()


def test_a_full_disk_is_said_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """The system itself refuses to write: the limit on a file's size stands in for the end of a disk."""
    program = textwrap.dedent(
        """
        import resource, signal, sys
        from pathlib import Path
        import torch
        from redraft.core.errors import OutputError
        from redraft.training import feature_shards
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        shards = feature_shards.Shards(Path(sys.argv[1]))
        shards.put("aa", {"tokens": torch.ones(1000)})
        shards.flush()
        shards.put("bb", {"tokens": torch.ones(10_000)})
        try:
            shards.flush()
        except OutputError as error:
            print(error.what)
        assert shards.has("aa") and not shards.has("bb")
        shards.discard()
        print(len(list(Path(sys.argv[1]).iterdir())))
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["cannot write (File too large)", "0"]


def test_no_space_is_said_and_can_be_taken_back(loaded: Loaded, tmp_path: Path) -> None:
    from redraft.core.atomic import output_error

    def full(path: Path, data: bytes) -> None:
        raise output_error(path, OSError(28, "No space left on device"))

    cache = kept_cache(loaded, tmp_path)
    cache.shards._write = full
    with pytest.raises(CacheFull, match="disk is full") as caught:
        filled(cache, toy_examples(2))
    assert "feature_cache=off" in caught.value.remedy
    cache.discard()
    assert [path.name for path in cache.folder.iterdir()] == ["about.json"]


def test_the_size_is_said_before_anything_is_written(loaded: Loaded, tmp_path: Path) -> None:
    work = Silent()
    cache = kept_cache(loaded, tmp_path, work=work)
    filled(cache, toy_examples(3))
    assert sum("3 examples' pictures will take about" in line for line in work.logs) == 1

    small_cache = kept_cache(loaded, tmp_path / "other", limit_bytes=2 * cache.shards.bytes // 3)
    with pytest.raises(CacheFull, match=r"3 examples' pictures will take about .* and 0.00 GB are left"):
        filled(small_cache, toy_examples(3))
    assert not small_cache.shards.written


def test_the_limit_holds_where_the_estimate_was_too_low(loaded: Loaded, tmp_path: Path) -> None:
    cache = kept_cache(loaded, tmp_path, limit_bytes=20_000)
    encoder = Encoder(loaded)
    with pytest.raises(CacheFull, match=r"more than the 0\.0 GB of train.feature_cache_gb"):
        for example in toy_examples(200):
            cache.take(feature_key(example), encoder.encode(example))
    cache.discard()
    assert cache.shards.bytes == 0


def test_features_that_vanish_are_an_error_and_not_a_blind_step(loaded: Loaded, tmp_path: Path) -> None:
    cache = kept_cache(loaded, tmp_path)
    ((key, kept),) = filled(cache, toy_examples(1))
    fresh = kept_cache(loaded, tmp_path / "empty")
    with pytest.raises(InputError, match="are gone"):
        fresh.give(key, kept)


def test_a_trained_vision_side_is_refused_with_the_reason(folder: Path, tmp_path: Path) -> None:
    trained = load_model(Model(base=str(folder), freeze=()))
    with pytest.raises(RecipeError, match="vision encoder is trained"):
        kept_cache(trained, tmp_path)
    with pytest.raises(RecipeError, match="projector is trained"):
        kept_cache(opened(folder, "vision"), tmp_path, level="projector")
    work = Silent()
    settings = Train(epochs=3)
    assert open_wanted(trained, settings, tmp_path, torch.float32, work) is None
    assert work.logs == [
        "no features are kept: the vision encoder is trained, so its features change with every step"
    ]
    freeze(trained.model, ["vision"])
    assert open_wanted(trained, settings, tmp_path, torch.float32, work) is not None
    assert open_wanted(trained, Train(epochs=1), tmp_path, torch.float32, work) is None
    assert open_wanted(trained, Train(epochs=3, feature_cache="off"), tmp_path, torch.float32, work) is None


def test_entries_cross_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_shards, "SHARD_BYTES", 1000)
    monkeypatch.setattr(feature_shards, "OPEN", 2)
    shards = Shards(tmp_path)
    values = {f"{n:064x}": {"a": torch.rand(n + 1, 30), "b": torch.arange(n)} for n in range(40)}
    for key, tensors in values.items():
        shards.put(key, tensors)
    shards.flush()
    assert len(shards.written) > 5 and len(shards) == 40
    other = Shards(tmp_path)
    for key, tensors in values.items():
        for found in (shards.get(key), other.get(key)):
            assert found.keys() == tensors.keys()
            assert all(torch.equal(found[name], tensors[name]) for name in tensors)
