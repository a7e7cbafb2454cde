"""The models that the answering process keeps, and the thread that answers for all: on real models."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch

from redraft.core.errors import Busy, InputError, Interrupted
from redraft.core.example import Example, message
from redraft.inference.predictor import LocalPredictor, Row
from redraft.worker.answering import shelf as shelves
from redraft.worker.answering.engine import Engine, Wish
from redraft.worker.answering.memory import memory_to_use
from redraft.worker.answering.shared import SharedPredictor, results
from redraft.worker.answering.shelf import Shelf
from redraft.worker.answering.stock import MAX_BUSY, Stock
from redraft.worker.answering.weights import weights_of
from small_models import save_small


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three models of the same size with other weights."""
    place = tmp_path_factory.mktemp("models")
    return [save_small(place / f"model-{seed}", seed=seed) for seed in range(3)]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


def example(text: str) -> Example:
    return Example(text, (), (message("user", text),), {})


def test_a_model_is_loaded_once_and_the_longest_unused_one_is_let_go(folders: list[Path]) -> None:
    shelf = Shelf(limit=2 * weights_of(folders[0]))
    for number in (0, 1, 0, 2, 0, 2):  # 1 is the longest unused when 2 comes
        with shelf.lend(str(folders[number])) as predictor:
            assert predictor.name == f"model-{number}"
    assert shelf.loads == 3
    assert sorted(shelf.names()) == ["model-0", "model-2"]
    with shelf.lend(str(folders[1])):
        assert sorted(shelf.names()) == ["model-1", "model-2"]
    shelf.clear()
    assert shelf.names() == []


def test_several_borrow_the_same_model_at_once(folders: list[Path]) -> None:
    shelf = Shelf(limit=weights_of(folders[0]))
    with ExitStack() as stack:
        lent = [stack.enter_context(shelf.lend(str(folders[0]))) for _ in range(3)]
        assert len({id(predictor) for predictor in lent}) == 1
        shelf.clear()
        assert shelf.names() == ["model-0"], "what is in use is not taken away"


def test_who_finds_no_room_waits_until_the_others_are_done(
    folders: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(limit=weights_of(folders[0]))
    borrowed, give_back = threading.Event(), threading.Event()

    def borrow() -> None:
        with shelf.lend(str(folders[0])):
            borrowed.set()
            give_back.wait(30)

    other = threading.Thread(target=borrow)
    other.start()
    assert borrowed.wait(30)
    monkeypatch.setattr(shelves, "PATIENCE", 0.2)
    with pytest.raises(Busy, match="other models are in use"), shelf.lend(str(folders[1])):
        pass
    monkeypatch.setattr(shelves, "PATIENCE", 30.0)
    threading.Timer(0.2, give_back.set).start()
    with shelf.lend(str(folders[1])) as predictor:
        assert predictor.name == "model-1"
    other.join()


def test_a_model_that_does_not_fit_is_refused_before_it_is_loaded(folders: list[Path]) -> None:
    shelf = Shelf(limit=weights_of(folders[0]) - 1)
    with pytest.raises(InputError, match="models may take") as refusal, shelf.lend(str(folders[0])):
        pass
    assert "REDRAFT_ANSWER_MEMORY_GB" in refusal.value.remedy
    assert shelf.loads == 0


def test_the_size_told_before_is_the_size_in_memory(folders: list[Path]) -> None:
    with Shelf(limit=2**40).lend(str(folders[0])) as predictor:
        loaded = sum(p.numel() * p.element_size() for p in predictor.loaded.model.parameters())
    assert loaded <= weights_of(folders[0]) <= 1.1 * loaded


def test_other_weights_in_the_same_folder_are_loaded_anew(folders: list[Path], tmp_path: Path) -> None:
    place = shutil.copytree(folders[0], tmp_path / "model")
    shelf = Shelf(limit=2**40)
    with shelf.lend(str(place)) as first:
        before = next(first.loaded.model.parameters()).clone()
    shutil.rmtree(place)
    shutil.copytree(folders[1], place)
    with shelf.lend(str(place)) as second:
        assert not torch.equal(before, next(second.loaded.model.parameters()))
    assert (shelf.loads, len(shelf.names())) == (2, 1)


@pytest.mark.parametrize("said", ["much", "-1", "0", "nan"])
def test_a_limit_that_is_no_number_is_refused(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRAFT_ANSWER_MEMORY_GB", said)
    with pytest.raises(Exception, match="no number of GiB"):
        memory_to_use()


def row(predictor: LocalPredictor, text: str) -> Row:
    return Row(0, 0, None, predictor.encoder.encode_prompt(example(text)), limit=5)


def test_one_request_too_many_is_told_to_come_again() -> None:
    stock = Stock()
    with ExitStack() as stack:
        for _ in range(MAX_BUSY):
            stock.check_room()
            stack.enter_context(stock.idle.working())
        with pytest.raises(Busy, match="64 requests"):
            stock.check_room()
    stock.check_room()


def answered(predictor: LocalPredictor, engine: Engine, texts: list[str], **settings: object) -> list[str]:
    shared = SharedPredictor(predictor, engine, threading.Event(), **settings)
    return [rows[0].text for rows in shared.predict([example(text) for text in texts])]


def test_what_waits_at_the_same_moment_is_answered_together(folders: list[Path], engine: Engine) -> None:
    texts = [f"{number} more" for number in range(6)]
    with Shelf(limit=2**40).lend(str(folders[0])) as predictor:
        alone = [answered(predictor, engine, [text], max_new_tokens=8)[0] for text in texts]
        engine.batches.clear()
        found: dict[str, str] = {}
        barrier = threading.Barrier(len(texts))

        def ask(text: str) -> None:
            barrier.wait()
            found[text] = answered(predictor, engine, [text], max_new_tokens=8)[0]

        threads = [threading.Thread(target=ask, args=(text,)) for text in texts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [found[text] for text in texts] == alone, "company changes no answer"
    assert sum(engine.batches) == 6
    assert max(engine.batches) > 1


def test_a_verbs_answers_are_those_of_its_own_predictor(folders: list[Path], engine: Engine) -> None:
    with Shelf(limit=2**40).lend(str(folders[0])) as kept:
        settings = {"temperature": 3.0, "seed": 7, "max_new_tokens": 6}
        shared = SharedPredictor(kept, engine, threading.Event(), **settings)
        own = LocalPredictor(kept.loaded, kept.encoder, shared.settings, temperature=3.0, seed=7)
        asked = [example("one 1"), example("two 2")]
        there, here = (predictor.predict(asked, samples=3) for predictor in (shared, own))
    assert [[one.text for one in rows] for rows in there] == [[one.text for one in rows] for rows in here]


def test_models_do_not_mix_in_a_batch(folders: list[Path], engine: Engine) -> None:
    shelf = Shelf(limit=2**40)
    with shelf.lend(str(folders[0])) as first, shelf.lend(str(folders[1])) as second:
        wishes = [
            Wish(predictor, row(predictor, text)) for text in ("one 1", "two 2") for predictor in (first, second)
        ]
        engine.batches.clear()
        engine.submit(wishes)
        answers = results(wishes, threading.Event())
        assert list(engine.batches) == [2, 2]
        alone = [answered(predictor, engine, ["one 1"], max_new_tokens=5)[0] for predictor in (first, second)]
    assert [answer.text for answer in answers[:2]] == alone


def test_one_that_cannot_be_answered_takes_no_other_along(folders: list[Path], engine: Engine) -> None:
    with Shelf(limit=2**40).lend(str(folders[0])) as predictor:
        wishes = [Wish(predictor, row(predictor, text)) for text in ("one 1", "1 " * 1100, "two 2")]
        engine.submit(wishes)
        assert wishes[0].answer.result(60).tokens == 5
        with pytest.raises(InputError, match="leave no room"):
            wishes[1].answer.result(60)
        assert wishes[2].answer.result(60).tokens == 5


def test_what_nobody_waits_for_is_not_begun(folders: list[Path], engine: Engine) -> None:
    with Shelf(limit=2**40).lend(str(folders[0])) as predictor:
        gone = threading.Event()
        gone.set()
        shared = SharedPredictor(predictor, engine, gone, max_new_tokens=1000)
        with pytest.raises(Interrupted):
            shared.predict([example("one 1")])
        engine.batches.clear()
        assert answered(predictor, engine, ["two 2"], max_new_tokens=3)
        assert sum(engine.batches) == 1
