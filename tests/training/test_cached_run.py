"""A run on kept features is the run without them; the pictures are not opened again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toy_run import go

from redraft.core.errors import OutputError
from redraft.core.work import Silent
from redraft.models import small
from redraft.training.events import read
from toy_parts import toy_recipe


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.build("qwen2_5_vl", tmp_path_factory.mktemp("base"))


def run(folder: Path, base: Path, work: Silent, **train: Any) -> list[dict[str, Any]]:
    model = {"base": str(base), "freeze": ["vision", "projector"]}
    recipe = toy_recipe(model=model, warmup=0, epochs=3, batch_size=2, threads=1, evaluate_first=False, **train)
    go(folder, recipe, 6, work=work)
    return [row for row in read(folder) if row["kind"] == "step"]


def test_kept_features_change_nothing(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "home"))
    first, again = Silent(), Silent()
    cached = run(tmp_path / "a", base, first)  # auto: the encoder is frozen and there are three epochs
    plain = run(tmp_path / "b", base, Silent(), feature_cache="off")
    other = run(tmp_path / "c", base, again)
    assert any("6 made, 0 found" in line for line in first.logs)
    assert any("0 made, 6 found" in line for line in again.logs)
    assert [row["loss"] for row in cached] == [row["loss"] for row in other]
    for mine, theirs in zip(cached, plain, strict=True):
        assert mine["loss"] == pytest.approx(theirs["loss"], rel=1e-5)
        assert mine["gradient_norm"] == pytest.approx(theirs["gradient_norm"], rel=1e-4)


def test_one_pass_over_the_examples_keeps_nothing(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "home"))
    run(tmp_path / "a", base, Silent(), max_steps=3)
    assert not (tmp_path / "home" / "features").exists()


def test_no_room_is_said_and_trained_without(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "home"))
    work = Silent()
    rows = run(tmp_path / "a", base, work, feature_cache_gb=1e-7)
    assert len(rows) == 9 and any("training goes on without them" in line for line in work.logs)
    with pytest.raises(OutputError, match="do not fit"):
        run(tmp_path / "b", base, Silent(), feature_cache="on", feature_cache_gb=1e-7)
