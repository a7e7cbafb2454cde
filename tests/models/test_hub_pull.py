"""Models from a hub, over real HTTP: whole, resumed, verified, pinned, refused, and without the hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from hub_machine import Machine
from hub_server import TOKEN, Hub
from redraft.core.errors import InputError, RecipeError

CONFIG = {"model_type": "llava", "architectures": ["LlavaForConditionalGeneration"]}
CARD = "---\nlicense: apache-2.0\n---\n# A model\n"
SIZE = 400_000
"""Numbers in the test model's weights, four bytes each."""
NAME = "alice/eyes"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        yield hub


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder as a hub repository holds a model; its weights are enough for a download to be cut."""
    folder = tmp_path / "published"
    (folder / "extra").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "README.md").write_text(CARD)
    (folder / "empty.txt").write_text("")
    save_file({"w": torch.arange(SIZE, dtype=torch.float32)}, folder / "model.safetensors")
    for name in ("pytorch_model.bin", "modeling_eyes.py", "picture.png", "extra/weights.safetensors"):
        (folder / name).write_bytes(b"not to be fetched")
    return folder


@pytest.fixture
def machine(tmp_path: Path, hub: Hub) -> Machine:
    return Machine(tmp_path / "machine", hub)


def test_a_pull_takes_what_opening_needs_verifies_it_and_pins_the_commit(
    machine: Machine, hub: Hub, model: Path
) -> None:
    commit = hub.add(NAME, model)
    done = machine.run("models", "pull", NAME, "--json")
    value = json.loads(done.stdout)
    size = (model / "model.safetensors").stat().st_size
    assert f"fetching {NAME} {size}/{size}" in done.stderr and "file 1 of 1: model.safetensors" in done.stderr
    folder = Path(value["folder"])
    assert value["revision"] == commit == folder.name and value["licence"] == "apache-2.0"
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert names == {"config.json", "README.md", "empty.txt", "model.safetensors"}
    assert all((folder / name).read_bytes() == (model / name).read_bytes() for name in names)
    assert value["fetched_bytes"] == value["bytes"] and value["present"] == 0
    record = json.loads(Path(value["record"]).read_text())
    assert record["commit"] == commit and "sha256" in record["files"]["model.safetensors"]

    hub.forget()
    again = machine.pull(f"hf:{NAME}")
    assert again["present"] == 4 and again["fetched_bytes"] == 0
    assert not any("/resolve/" in r.path or "/cdn/" in r.path for r in hub.requests)
    listed = machine.verb("models.list", {})["models"]
    assert [(m["name"], m["family"], m["parameters"], m["revision"], m["licence"]) for m in listed] == [
        (f"hf:{NAME}", "llava", SIZE, commit, "apache-2.0")
    ]
    shown = machine.run("models", "list").stdout
    assert f"hf:{NAME}" in shown and "400.00 k" in shown and "1.60 MB" in shown and commit[:12] in shown


def test_a_download_cut_in_the_middle_goes_on_where_it_was(machine: Machine, hub: Hub, model: Path) -> None:
    hub.add(NAME, model)
    size = (model / "model.safetensors").stat().st_size
    hub.cut = {"model.safetensors": 1_000_000}
    broken = machine.run("models", "pull", NAME, code=1)
    assert "broke off after 1,000,000" in broken.stderr and "Run it again" in broken.stderr
    assert "127.0.0.1" not in broken.stderr  # addresses of storage carry signatures
    assert not list(machine.home.rglob("*/model.safetensors"))

    hub.cut = {}
    hub.forget()
    value = machine.pull(NAME)
    assert value["resumed_bytes"] == 1_000_000 and value["fetched_bytes"] == size - 1_000_000
    assert hub.sent("model.safetensors") == size - 1_000_000
    assert [r.range for r in hub.requests if r.method == "GET" and "/cdn/" in r.path] == ["bytes=1000000-"]
    assert (Path(value["folder"]) / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()
    assert not list(machine.home.rglob("*.part"))


def test_a_connection_cut_once_is_taken_up_in_the_same_run(machine: Machine, hub: Hub, model: Path) -> None:
    hub.add(NAME, model)
    hub.cut_once = {"model.safetensors": 700_000}
    size = (model / "model.safetensors").stat().st_size
    assert machine.pull(NAME)["bytes"] > size
    assert hub.sent("model.safetensors") == size


def test_content_that_is_not_what_was_listed_is_refused_and_not_kept(
    machine: Machine, hub: Hub, model: Path
) -> None:
    hub.add(NAME, model)
    right = (model / "model.safetensors").read_bytes()
    hub.swapped = {"model.safetensors": right[:-1] + bytes([right[-1] ^ 1])}
    assert "SHA-256 differs" in machine.refusal(NAME).what
    hub.swapped = {"config.json": json.dumps(CONFIG).encode().replace(b"llava", b"lxava")}
    assert "Git id differs" in Machine(machine.home / "b", hub).refusal(NAME).what
    hub.swapped = {}
    value = machine.pull(NAME)
    assert (Path(value["folder"]) / "model.safetensors").read_bytes() == right


def test_a_file_that_has_changed_on_this_disk_is_fetched_again(machine: Machine, hub: Hub, model: Path) -> None:
    hub.add(NAME, model)
    file = Path(machine.pull(NAME)["folder"]) / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.resolve().write_bytes(data)
    machine.pull(NAME)
    assert "has changed on this disk" in machine.work.logs[-1]
    assert file.read_bytes() == (model / "model.safetensors").read_bytes()


def test_a_revision_stays_what_it_was_when_the_repository_goes_on(machine: Machine, hub: Hub, model: Path) -> None:
    first = hub.add(NAME, model)
    hub.repo(NAME).tags["v1"] = first
    second = hub.repo(NAME).commit({"config.json": json.dumps(CONFIG | {"newer": 1}).encode()})
    old, tagged, new = (machine.pull(NAME, revision) for revision in (first, "v1", None))
    assert (old["revision"], tagged["revision"], new["revision"]) == (first, first, second)
    assert new["fetched_bytes"] == len(json.dumps(CONFIG | {"newer": 1}))  # the rest is shared between the commits
    assert "newer" not in (Path(old["folder"]) / "config.json").read_text()
    assert "no revision 'v9'" in machine.refusal(NAME, "v9").what


def test_what_cannot_be_pulled_is_refused_with_its_reason(machine: Machine, hub: Hub, model: Path) -> None:
    hub.add("alice/secret", model, private=True)
    hub.add("alice/gated", model, gated=True)
    hub.repo("alice/pickled").commit({"config.json": b"{}", "pytorch_model.bin": b"x"})
    hub.repo("alice/nothing").commit({"README.md": b"hello"})
    remote_code = {"model_type": "eyeball", "auto_map": {"AutoModel": "modeling.Eyeball"}}
    hub.repo("alice/code").commit({"config.json": json.dumps(remote_code).encode(), "model.safetensors": b"x"})

    absent = machine.refusal("alice/absent")
    assert (
        isinstance(absent, RecipeError) and "no model 'alice/absent' on the hub, or it is private" in absent.what
    )
    assert "or it is private" in machine.refusal("alice/secret").what
    gated = machine.refusal("alice/gated")
    assert isinstance(gated, InputError) and "gated" in gated.what and "Ask for access" in gated.remedy
    assert "redraft models import" in machine.refusal("alice/pickled").remedy
    assert "no weights that redraft opens" in machine.refusal("alice/nothing").what
    hub.forget()
    assert "code from its own repository" in machine.refusal("alice/code").what
    assert hub.sent("model.safetensors") == 0
    assert "no name of a repository" in machine.run("models", "pull", "a/b/c", code=2).stderr
    assert not list(machine.home.rglob("*.bin"))


def test_a_token_opens_what_is_private_and_goes_to_the_hub_alone(hub: Hub, model: Path, tmp_path: Path) -> None:
    hub.add("alice/secret", model, private=True)
    machine = Machine(tmp_path / "signed-in", hub, TOKEN)
    assert machine.pull("alice/secret")["files"] == 4
    asked = [(r.method, r.path, r.token) for r in hub.requests if "alice/secret" in r.path]
    assert asked and all(token == TOKEN for *_, token in asked), asked
    wrong = Machine(tmp_path / "wrong", hub, "hf_somethingElse")
    said = wrong.run("models", "pull", "alice/secret", code=1).stderr
    assert "hf_somethingElse" not in said and "log in" in said.lower()


def test_shards_are_those_that_the_index_names(machine: Machine, hub: Hub, model: Path) -> None:
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    weights = (model / "model.safetensors").read_bytes()
    files = {
        "config.json": json.dumps(CONFIG).encode(),
        "model.safetensors.index.json": json.dumps(index).encode(),
        "model-00001-of-00002.safetensors": weights,
        "model-00002-of-00002.safetensors": weights[:-4] + b"\0\0\0\0",
        "consolidated.safetensors": b"a copy in another form",
    }
    hub.repo(NAME).commit(files)
    folder = Path(machine.pull(NAME)["folder"])
    assert {p.name for p in folder.glob("*.safetensors")} == set(index["weight_map"].values())
    hub.repo(NAME).commit({}, removed=("model-00002-of-00002.safetensors",))
    assert "which is not there" in machine.refusal(NAME).what


def test_without_the_hub_the_copy_is_taken_and_said(machine: Machine, hub: Hub, model: Path) -> None:
    commit = hub.add(NAME, model)
    hub.away = True
    assert "cannot be reached" in machine.refusal(NAME).what
    hub.away = False
    hub.cut = {"model.safetensors": 1000}
    machine.refusal(NAME)
    hub.away = True
    assert "cannot be reached" in machine.refusal(NAME, commit).what  # a part of it is no copy
    hub.away, hub.cut = False, {}
    machine.pull(NAME)
    hub.forget()
    value = machine.value("models", "pull", NAME, HF_HUB_OFFLINE="1")
    assert value["revision"] == commit and value["verified"] is False and not hub.requests
    hub.away = True
    assert machine.pull(NAME, commit)["revision"] == commit
    assert f"at commit {commit} is taken" in machine.work.logs[-1]


def test_a_hub_cannot_name_files_outside_of_the_cache(machine: Machine, hub: Hub, model: Path) -> None:
    files = {"config.json": json.dumps(CONFIG).encode(), "../../../../evil.json": b"{}", "model.safetensors": b"x"}
    hub.repo(NAME).commit(files)
    assert "cannot be kept" in machine.refusal(NAME).what
    assert not list(machine.home.rglob("evil.json"))
