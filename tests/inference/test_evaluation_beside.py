"""What stands beside a model: baselines, the text itself, further measures."""

from __future__ import annotations

import io
import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plate_task import Answering, PlateTask
from small_families import small

from redraft.core.discovery import load_task
from redraft.core.errors import InputError, UsageError
from redraft.core.example import Example
from redraft.core.prediction import Prediction
from redraft.core.recipe import Evaluate, Model
from redraft.core.score import Score
from redraft.core.work import Silent
from redraft.inference.evaluation import evaluate
from redraft.inference.in_text import EQUAL, WHOLE, in_text
from redraft.inference.judged import Judged, Measure, judge_baselines
from redraft.inference.openai_server import OpenAIServer
from redraft.inference.predictor import LocalPredictor
from redraft.inference.statistics import bootstrap_mean, bootstrap_means
from redraft.inference.summary import speed, summarise
from redraft.models.encode import Encoder
from redraft.models.load import load_model
from redraft.worker.context import ProcessWork

SETTINGS = Evaluate(split="test", batch_size=4, max_new_tokens=6)
DOCUMENT = "The ferry left at nine with 40 people. {0} waited at the harbour of Oslo. " + "It was cold. " * 30


@pytest.fixture(scope="module")
def task():
    return load_task("summary")


@pytest.fixture(scope="module")
def examples(task) -> list[Example]:
    options = task.options({"style": {"width": 256, "height": 256}})
    found = []
    for number, name in enumerate(("Anna", "Boris", "Chloe", "Dana", "Emil")):
        truth = {"text": DOCUMENT.format(name) * (1 + number % 2), "format": "text", "summary": f"{name} waited."}
        found.append(
            Example(f"d{number}", task.draw(truth, 0, options), task.messages(truth, options), truth, number)
        )
    return found


@pytest.fixture(scope="module")
def model() -> LocalPredictor:
    loaded = small("llava")
    return LocalPredictor(loaded, Encoder(loaded), SETTINGS, name="a small model")


def right(example: Example, sample: int) -> str:
    return example.answer


def test_baselines_stand_beside_every_model_with_the_paired_gain(task, examples):
    found = evaluate(Answering("oracle", right), task, examples, SETTINGS, Silent())
    assert list(found["baselines"]) == ["lead-3", "lead-words", "textrank"]
    alone = {made.name: made for made in judge_baselines(task, examples, Silent())}
    for name, other in found["baselines"].items():
        values = [score.value for score in alone[name].first]
        assert other["mean"] == pytest.approx(sum(values) / len(values))
        assert other["gain"]["difference"] == pytest.approx(1 - other["mean"])
        assert other["gain"]["interval"] == pytest.approx(list(bootstrap_mean([1 - v for v in values])))
        assert other["details"]["rouge1"]["interval"]
        assert any(f"The baseline {name} scores {other['mean']:.3f}" in sentence for sentence in found["says"])
    assert any(sentence.startswith("So the model is better than every baseline") for sentence in found["says"])
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_model_that_is_no_better_is_told_so(task, examples):
    found = evaluate(Answering("echo", lambda e, s: "Nothing."), task, examples, SETTINGS, Silent())
    best = max(found["baselines"], key=lambda name: found["baselines"][name]["mean"])
    said = f"So the model is not shown to be better than the baseline {best}, which needs no model."
    assert said in found["says"]


def test_baselines_that_were_made_before_are_taken_as_they_are(task, examples):
    made = [Judged("fixed", [[Prediction(e.id, "x", "stop", 0, 0.0)] for e in examples], [[Score(0.25)]] * 5, 0.0)]
    found = evaluate(Answering("m", right), task, examples, SETTINGS, Silent(), beside=made)
    assert list(found["baselines"]) == ["fixed"] and found["baselines"]["fixed"]["mean"] == 0.25


def test_a_task_without_baselines_has_none(plates):
    shown = list(plates.generate(3, 1, {}, None))
    found = evaluate(Answering("m", right), plates, shown, SETTINGS, Silent())
    assert "baselines" not in found and "text" not in found and "measures" not in found


def test_the_same_model_reads_the_text_whole_and_at_equal_tokens(task, examples, model, tmp_path):
    found = evaluate(model, task, examples, SETTINGS, Silent(), text=True, folder=tmp_path)
    assert list(found["text"]) == [WHOLE, EQUAL]
    whole, equal = found["text"][WHOLE], found["text"][EQUAL]
    assert equal["prompt_tokens"] <= equal["prompt_tokens_of_pictures"] < whole["prompt_tokens"]
    for other in (whole, equal):
        assert other["gain"]["difference"] == pytest.approx(found["mean"] - other["mean"])
        assert other["speed"]["answers"] == len(examples)
    assert sum("The same model on the text" in sentence for sentence in found["says"]) == 2
    rows = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert list(rows[0]["beside"]) == ["lead-3", "lead-words", "textrank", WHOLE, EQUAL]
    kept = json.loads((tmp_path / "samples.json").read_text())["samples"][0]
    assert kept["draws"] is False and len(kept["beside"]) == 5


def test_the_cut_text_is_the_longest_that_costs_no_more(task, examples, model):
    whole, equal = in_text(model, task, examples, 6, Silent())
    for example, shown, short in zip(examples, whole.examples, equal.examples, strict=True):
        most = model.prompt_tokens(example)
        assert model.prompt_tokens(short) <= most
        length = len(short.messages[0].text) - len(shown.messages[0].text)
        text = task.as_text(example)
        document = len(text.messages[0].text) + length  # characters of the prompt that was kept
        grown = [task.as_text(example, kept) for kept in range(document, document + 12)]
        assert any(model.prompt_tokens(one) > most for one in grown)
        assert short.images == () and short.id == example.id


def test_what_takes_no_text_is_said_before_anything_is_answered(task, examples, model, plates):
    class Refusing(LocalPredictor):
        def predict(self, examples, *, samples=1):
            raise AssertionError("nothing was to be answered")

    refusing = Refusing(model.loaded, model.encoder, SETTINGS)
    long = replace(examples[0], truth={**examples[0].truth, "text": "word " * 3000})
    scan = replace(examples[0], truth={"summary": "x", "pages": "given"})
    for shown, asked, kind, said in (
        (task, [long], UsageError, r"takes 15,\d+ tokens .* the model has 1,024 positions"),
        (task, [scan], InputError, "pictures alone"),
        (plates, list(plates.generate(2, 1, {}, None)), UsageError, "the task plates has no text"),
    ):
        with pytest.raises(kind, match=said) as caught:
            evaluate(refusing, shown, asked, SETTINGS, Silent(), text=True)
        assert caught.value.remedy
    server = OpenAIServer("http://127.0.0.1:9/v1", "x")
    with pytest.raises(UsageError, match="only a model in this process"):
        evaluate(server, task, examples, SETTINGS, Silent(), text=True)


def test_a_model_that_needs_a_picture_is_told_from_one_that_reads(task, examples):
    class PicturesOnly:
        name, positions = "eyes", None

        def prompt_tokens(self, example: Example) -> int:
            if not example.images:
                raise InputError("no picture", where=example.id)
            return 9

    with pytest.raises(UsageError, match="takes no question without a picture"):
        in_text(PicturesOnly(), task, examples, 6, Silent())


def test_a_model_whose_prompts_hold_no_text_is_told_from_one_that_reads(task, examples):
    options = {"picture": 32, "channels": (8, 16), "depths": (1, 1), "width": 24, "heads": 2}
    loaded = load_model(Model(freeze=(), options=options), texts=["Anna waited."], seed=1)
    tiny = LocalPredictor(loaded, Encoder(loaded), SETTINGS)
    with pytest.raises(UsageError, match="prompts hold pictures alone: the text of d0 costs no token") as caught:
        in_text(tiny, task, examples, 6, Silent())
    assert caught.value.remedy


def test_stemmed_rouge_is_there_where_it_is_asked_for(task, examples):
    found = evaluate(
        Answering("m", lambda e, s: e.answer.replace("waited", "waiting")),
        task,
        examples,
        SETTINGS,
        Silent(),
        measures=[Measure("stemmed")],
    )
    assert found["measures"] == [{"name": "stemmed", "setting": ""}]
    assert found["details"]["rouge1_stemmed"]["mean"] == pytest.approx(1.0)
    assert found["details"]["rouge1"]["mean"] == pytest.approx(0.5)
    assert "rouge1_stemmed" in found["baselines"]["textrank"]["details"]


@pytest.mark.parametrize(
    ("measure", "said"),
    [
        (Measure("beauty"), "the task summary has no measure 'beauty'"),
        (Measure("stemmed", "yes"), "takes no setting"),
        (Measure("judge", "gpt"), "needs a model on a server"),
        (Measure("judge", "http://host/v1"), "needs a model on a server"),
        (Measure("bertscore", ""), "needs a model's folder"),
        (Measure("bertscore", "nowhere@3"), "needs a model's folder, not 'nowhere'"),
    ],
)
def test_a_wrong_measure_is_said_before_anything_is_answered(task, examples, measure, said):
    def never(example, sample):
        raise AssertionError("nothing was to be answered")

    with pytest.raises(UsageError, match=said) as caught:
        evaluate(Answering("m", never), task, examples, SETTINGS, Silent(), measures=[measure])
    assert caught.value.remedy


def test_a_task_without_measures_refuses_them(plates):
    with pytest.raises(UsageError, match="the task plates has no measure"):
        shown = list(plates.generate(2, 1, {}, None))
        evaluate(Answering("m", right), plates, shown, SETTINGS, Silent(), measures=[Measure("judge", "x")])


class Marks(BaseHTTPRequestHandler):
    """Speaks the chat protocol: 5 for what the reference says, else 2, and chatter once."""

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = request["messages"][-1]["content"][0]["text"]
        parts = {name: asked.split(f"===== {name}\n")[1].split("\n=====")[0] for name in ("reference", "summary")}
        reference, summary = parts["reference"], parts["summary"]
        self.server.seen.append(summary)
        mark = 5 if summary == reference else 2
        told = f'Sure! {{"faithful": {mark}, "complete": {mark}, "clear": 4}}'
        if "Emil" in summary:
            told = '{"faithful": 9} I cannot say.'
        body = json.dumps({"choices": [{"message": {"content": told}}], "usage": {}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        return None


@pytest.fixture
def judge_url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Marks)
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1#critic", server.seen
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_judge_on_a_server_marks_every_answer(task, examples, judge_url):
    url, seen = judge_url

    def answer(example, sample):
        return "" if example.id == "d1" else "Somebody slept." if example.id == "d2" else example.answer

    work = ProcessWork(io.StringIO())
    found = evaluate(
        Answering("m", answer), task, examples, SETTINGS, work, beside=[], measures=[Measure("judge", url)]
    )
    details = found["details"]
    assert sorted(seen) == ["Anna waited.", "Dana waited.", "Emil waited.", "Somebody slept."]  # no empty answer
    assert details["judge_faithful"]["count"] == 4  # one could not be read
    assert details["judge_faithful"]["mean"] == pytest.approx((5 + 1 + 2 + 5) / 4)
    assert details["judge_clear"]["mean"] == pytest.approx((4 + 1 + 4 + 4) / 4)
    assert details["judge_read"] == {"count": 5, "share": 0.8}
    assert found["measures"] == [{"name": "judge", "setting": url}]


def test_bertscore_of_a_small_bert(task, examples, tmp_path: Path):
    pytest.importorskip("bert_score", reason="the extra redraft[bertscore] is not installed")
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    letters = [chr(code) for code in range(33, 127)]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    (tmp_path / "vocab.txt").write_text("\n".join(tokens))
    BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(vocab_size=len(tokens), **sizes)).save_pretrained(tmp_path)

    def answer(example, sample):
        return "" if example.id == "d1" else "A bus stopped in the rain." if example.id == "d2" else example.answer

    found = evaluate(
        Answering("m", answer),
        task,
        examples,
        SETTINGS,
        Silent(),
        beside=[],
        measures=[Measure("bertscore", f"{tmp_path}@1")],
    )["details"]
    other = found["bertscore_f1"]["mean"] * 5 - 3  # three answers are right, one is empty
    assert 0.1 < other < 0.999
    with pytest.raises(UsageError, match="no layer 3"):
        task.measure("bertscore", f"{tmp_path}@3", [], [], Silent())
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(InputError, match="cannot be loaded"):
        task.measure("bertscore", str(tmp_path), [], [], Silent())


NUMBER = st.one_of(st.none(), st.floats(-100, 100))


@given(st.lists(st.tuples(NUMBER, NUMBER), min_size=1, max_size=12), st.integers(0, 3))
def test_intervals_of_several_measures_hold_their_means(rows, seed):
    table = np.array([[np.nan if value is None else value for value in row] for row in rows])
    for column, interval in zip(table.T, bootstrap_means(table, seed), strict=True):
        there = column[~np.isnan(column)]
        assert (interval is None) == (len(there) < 2)
        if interval is not None:
            assert there.min() - 1e-9 <= interval[0] <= interval[1] <= there.max() + 1e-9
            if len(there) == len(column):
                assert interval == pytest.approx(bootstrap_mean(list(column), seed))


def test_numeric_details_have_an_interval_and_failures_their_zeros(task, examples):
    found = evaluate(
        Answering("m", lambda e, s: e.answer if e.id > "d1" else ""), task, examples, SETTINGS, Silent()
    )
    detail = found["details"]["rougeLsum"]
    assert (detail["count"], detail["mean"]) == (5, pytest.approx(0.6))
    assert detail["interval"] == pytest.approx(found["interval"])
    assert found["details"]["names"]["count"] == 3
    assert summarise([Score(1.0, "ok", {"x": 3})])["details"]["x"] == {
        "count": 1,
        "mean": 3.0,
        "interval": None,
        "median": 3.0,
    }


def test_answers_ended_for_repeating_themselves_are_counted(task, examples):
    class Looping(Answering):
        def predict(self, examples, *, samples=1):
            return [[replace(row[0], finish="loop")] for row in super().predict(examples, samples=samples)]

    found = evaluate(Looping("m", right), task, examples, SETTINGS, Silent())
    assert found["speed"]["looped"] == 5
    assert any("5 answers repeated themselves and had to be ended" in sentence for sentence in found["says"])
    assert speed([[Prediction("x", "y", "stop", 1, 0.1)]], 1.0)["looped"] == 0


def test_plates_keep_their_own_card(plates, tmp_path):
    shown = list(plates.generate(2, 1, {}, None))
    evaluate(Answering("m", right), PlateTask(), shown, SETTINGS, Silent(), folder=tmp_path)
    kept = json.loads((tmp_path / "samples.json").read_text())["samples"][0]
    assert kept["draws"] is True and kept["marks"] == []
