"""Which font draws what, and what is said where none does. Machines without Noto are made by naming no folders."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import skia
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.core.errors import UsageError
from redraft.tasks.summary.pages import font_files, font_report
from redraft.tasks.summary.pages.fonts import Fonts, fonts, fonts_digest, missing
from redraft.tasks.summary.pages.samples import SAMPLES

NOTO = pytest.mark.skipif(
    "notosansdevanagari" not in font_files.by_stem() or "notosanscjk" not in font_files.by_stem(),
    reason="needs fonts-noto-core and fonts-noto-cjk, which `make setup` installs where it can",
)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fonts]:
    """A machine whose only fonts are those of the installation."""
    monkeypatch.setattr(font_files, "folders", lambda: ())
    font_files.by_stem.cache_clear()
    fonts.cache_clear()
    yield fonts()
    font_files.by_stem.cache_clear()
    fonts.cache_clear()


def families_of(text: str, **settings: str) -> list[tuple[str, str]]:
    return [(run.text, run.families[0]) for run in fonts().setting(text, **settings).runs(text)]


def test_the_default_comes_with_the_installation(bare: Fonts) -> None:
    for sample in SAMPLES[:3]:
        assert families_of(sample.text) == [(sample.text, "DejaVu Sans")]
        assert not missing(sample.text)
    assert {face.path.parent for face in bare.family("DejaVu Sans").faces} == {font_files.bundled()}


def test_without_other_fonts_dejavu_draws_what_it_has_and_the_rest_is_named(bare: Fonts) -> None:
    arabic = SAMPLES[3].text
    assert families_of(arabic) == [(arabic, "DejaVu Sans")]
    assert missing("नमस्ते 漢字 ok") == sorted({ord(letter) for letter in "नमस्ते漢字"})
    what, remedy = font_report.explain_missing(missing("नमस्ते 漢字"))
    assert "8 of its characters" in what
    assert "U+0924" in what
    assert "apt-get install fonts-noto-cjk fonts-noto-core" in remedy
    assert font_report.explain_missing([]) == ("", "")


@NOTO
@pytest.mark.parametrize(
    ("index", "family"),
    list(
        enumerate(
            ["DejaVu Sans"] * 3
            + ["Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari", "Noto Sans Thai"]
            + ["Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR"]
        )
    ),
)
def test_each_script_goes_to_a_font_made_for_it(index: int, family: str) -> None:
    sample = SAMPLES[index]
    setting = fonts().setting(sample.text, language=sample.language)
    assert not setting.missing
    letters = [run for run in setting.runs(sample.text) if any(c.isalpha() for c in run.text)]
    assert {run.families[0] for run in letters} == {family}


@NOTO
def test_serif_and_fixed_width_documents_take_such_fonts_for_every_script() -> None:
    found = [family for _, family in families_of("a क 中 ع", font="serif")]
    assert found == ["DejaVu Serif", "Noto Serif Devanagari", "Noto Serif CJK SC", "Noto Naskh Arabic"]
    code = fonts().setting("a 中", language="ja").runs("a 中", mono=True)
    assert [run.families[0] for run in code] == ["DejaVu Sans Mono", "Noto Sans Mono CJK JP"]


@NOTO
@pytest.mark.parametrize(
    ("text", "language", "family", "locale"),
    [
        ("骨", "", "Noto Sans CJK SC", "zh-Hans"),
        ("骨", "zh-TW", "Noto Sans CJK TC", "zh-Hant"),
        ("骨", "zh_HK", "Noto Sans CJK HK", "zh-HK"),
        ("骨", "ja-JP", "Noto Sans CJK JP", "ja"),
        ("骨", "ko", "Noto Sans CJK KR", "ko"),
        ("骨 ほね", "", "Noto Sans CJK JP", "ja"),
        ("骨 뼈", "", "Noto Sans CJK KR", "ko"),
    ],
)
def test_chinese_characters_take_the_form_of_their_language(
    text: str, language: str, family: str, locale: str
) -> None:
    setting = fonts().setting(text, language=language)
    run = setting.runs("骨")[0]
    assert (run.families[0], run.locale) == (family, locale)


@NOTO
def test_marks_and_punctuation_stay_with_the_letters_before_them() -> None:
    han, deva = "Noto Sans CJK SC", "Noto Sans Devanagari"
    assert families_of("中文，日本（a）") == [("中文，日本（", han), ("a", "DejaVu Sans"), ("）", han)]
    assert families_of("नमः। a।") == [("नमः। ", deva), ("a", "DejaVu Sans"), ("।", deva)]
    joined = "क\u094d\u200dष"
    assert families_of(joined) == [(joined, "Noto Sans Devanagari")]


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=60), st.text(max_size=60), st.booleans())
def test_runs_joined_are_the_text(document: str, other: str, mono: bool) -> None:
    setting = fonts().setting(document)
    for text in (document, other, document + other):
        runs = setting.runs(text, mono)
        assert "".join(run.text for run in runs) == text
        assert all(run.text for run in runs)
        assert all(set(run.families) == set(setting.mono_families if mono else setting.families) for run in runs)


@settings(deadline=None, max_examples=100)
@given(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20))
def test_a_family_is_only_given_letters_that_it_has(text: str) -> None:
    setting = fonts().setting(text)
    for run in setting.runs(text):
        for letter in run.text:
            if ord(letter) not in setting.missing:
                has = fonts().family(run.families[0]).has(ord(letter))
                assert has or font_report.script(letter) in ("Zyyy", "Zinh"), f"{letter!r} by {run.families[0]}"


def test_missing_are_code_points_that_no_font_has() -> None:
    assert missing("plain text\u200d\ufe0f\u00ad \u2067") == []
    assert missing("a\U000e0123") == []
    private = "\U000fabcd"
    assert missing(f"a{private}b{private}") == [0xFABCD]
    what, remedy = font_report.explain_missing([0xFABCD])
    assert "U+FABCD" in what
    assert remedy == "It is shown as an empty box; install a font that has it"


def test_signs_that_emoji_fonts_have_name_their_package(bare: Fonts) -> None:
    assert missing("done \u2705") == [0x2705]
    what, remedy = font_report.explain_missing([0x2705])
    assert what == "no installed font has U+2705 WHITE HEAVY CHECK MARK"
    assert "apt-get install fonts-noto-color-emoji" in remedy


def test_bold_and_italic_have_faces_of_their_own() -> None:
    faces = fonts().family("DejaVu Serif").faces
    assert [face.style for face in faces] == [(False, False), (False, True), (True, False), (True, True)]
    assert fonts().typeface("DejaVu Serif", bold=True).isBold()
    assert fonts().typeface("DejaVu Serif", italic=True).isItalic()


@NOTO
def test_a_style_that_a_family_lacks_is_the_nearest_one() -> None:
    face = fonts().typeface("Noto Sans Devanagari", bold=True, italic=True)
    assert face.isBold()
    assert not face.isItalic()


@NOTO
def test_an_installed_family_is_found_by_its_name() -> None:
    assert families_of("abc", font="noto serif") == [("abc", "Noto Serif")]
    assert families_of("a क", font="Noto Serif") == [("a ", "Noto Serif"), ("क", "Noto Serif Devanagari")]
    assert fonts().primary("Noto Sans Mono CJK SC") == ("Noto Sans Mono CJK SC", "mono")


def test_an_unknown_family_is_an_error_that_names_a_near_one() -> None:
    with pytest.raises(UsageError, match=r"no font family 'monoo' is installed\..*Did you mean 'mono'") as found:
        fonts().setting("abc", "monoo")
    assert found.value.exit_code == 2


def test_the_digest_is_the_same_in_every_process_and_another_where_the_fonts_differ(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = "from redraft.tasks.summary.pages.fonts import fonts_digest; print(fonts_digest())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == fonts_digest()
    assert len(fonts_digest()) == 16
    if "notosansdevanagari" in font_files.by_stem():
        monkeypatch.setattr(font_files, "folders", lambda: ())
        font_files.by_stem.cache_clear()
        try:
            assert Fonts().digest() != fonts_digest()
        finally:
            monkeypatch.undo()
            font_files.by_stem.cache_clear()


def test_fonts_are_found_without_loading_matplotlib() -> None:
    code = (
        "import sys; from redraft.tasks.summary.pages.fonts import fonts; fonts().setting('abc ж ع');"
        "print([name for name in ('matplotlib', 'numpy', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_broken_and_foreign_files_among_the_fonts_do_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "NotoSansThai-Regular.ttf").write_bytes(b"no font at all")
    (tmp_path / "NotoSansCJK-Regular.ttc").write_bytes(b"ttcf\0\1\0\0\xff\xff\xff\xff")
    (tmp_path / "loop").symlink_to(tmp_path)
    monkeypatch.setattr(font_files, "folders", lambda: (tmp_path,))
    font_files.by_stem.cache_clear()
    try:
        setting = Fonts().setting("a ก 中")
    finally:
        monkeypatch.undo()
        font_files.by_stem.cache_clear()
    assert setting.missing == (ord("ก"), ord("中"))


def test_threads_draw_the_same_pixels() -> None:
    """Each has its own collection; the families that one asks for are there for all."""
    shared = Fonts()

    def picture(text: str) -> bytes:
        setting = shared.setting(text)
        layout = skia.textlayout
        builder = layout.ParagraphBuilder.make(layout.ParagraphStyle(), shared.collection, shared.unicode)
        for run in setting.runs(text):
            style = layout.TextStyle()
            style.setFontFamilies(list(run.families))
            style.setFontSize(20)
            style.setColor(skia.ColorBLACK)
            builder.pushStyle(style)
            builder.addText(run.text)
            builder.pop()
        paragraph = builder.Build()
        paragraph.layout(500)
        surface = skia.Surface(500, 200)
        surface.getCanvas().clear(skia.ColorWHITE)
        paragraph.paint(surface.getCanvas(), 0, 0)
        return surface.toarray().tobytes()

    texts = [sample.text for sample in SAMPLES]
    alone = [picture(text) for text in texts]
    found: dict[int, list[bytes]] = {}

    def work(number: int) -> None:
        order = texts[number:] + texts[:number]
        drawn = [picture(text) for text in order]
        found[number] = drawn[len(texts) - number :] + drawn[: len(texts) - number]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(4), alone)
    assert len(set(alone)) == len(alone)


def test_doctor_knows_every_script_and_its_package(bare: Fonts) -> None:
    found = {drawn.script: drawn for drawn in font_report.drawn_scripts()}
    assert found["Latin"].family == "DejaVu Sans"
    assert (found["Thai"].family, found["Thai"].package) == ("", "fonts-noto-core")
    assert (found["Korean"].family, found["Korean"].package) == ("", "fonts-noto-cjk")
