"""On the same weights, examples and order, TRL's SFTTrainer has the losses that `redraft train` has."""

from __future__ import annotations

from pathlib import Path

import pytest

from redraft.models.small import build

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.peer
@pytest.mark.timeout(900)
def test_trls_first_losses_are_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (BENCHMARKS, BENCHMARKS / "train_sides"):
        monkeypatch.syspath_prepend(str(folder))
    from profiles import end_answers_plainly, first_order, make_data

    import train_peers

    assert train_peers.python_of("trl"), "run python scripts/peer_environment.py trl"
    model = end_answers_plainly(build("qwen2_5_vl", tmp_path / "model"))
    data = make_data("pages", 16, model, tmp_path / "data")
    request = {
        "model": str(model),
        "data": str(data),
        "count": 16,
        "epochs": 1,
        "batch": 4,
        "learning_rate": 1e-3,
        "threads": 1,
        "settings": {},
        "order": first_order(data, model, 4, grouped=True),
    }
    ours = train_peers.run("redraft", request, tmp_path / "ours")
    theirs = train_peers.run("trl", request, tmp_path / "theirs")
    assert ours["trainable"] == theirs["trainable"] and ours["supervised"] == theirs["supervised"]
    assert len(ours["losses"]) == len(theirs["losses"]) == 4
    assert ours["losses"] == pytest.approx(theirs["losses"], rel=1e-4)
    assert ours["losses"][-1] < ours["losses"][0]
