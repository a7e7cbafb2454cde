"""A truth's pages as files: the same every time, errors, variety, reports, checks."""

from __future__ import annotations

import io
import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as Pictures

from redraft.core.errors import InputError
from redraft.core.example import Example, Image
from redraft.core.work import Silent
from redraft.tasks.summary.check import SMALLEST_LETTER, check_examples
from redraft.tasks.summary.conversation import conversation
from redraft.tasks.summary.drawing import count_pages, draw_pages
from redraft.tasks.summary.options import complete
from redraft.tasks.summary.pages.draw import draw
from redraft.tasks.summary.pages.png import encode
from redraft.tasks.summary.pages.report import report
from redraft.tasks.summary.truth import truth_of

TEXT = "\n\n".join(f"{number}: a document's words stand on its pages, in lines. " * 6 for number in range(30))
SMALL = complete({"style": {"size": "tiny"}})


def pixels_of(image: Image) -> np.ndarray:
    with Pictures.open(io.BytesIO(image.bytes)) as picture:
        assert picture.format == "PNG"
        assert picture.mode == "L"
        return np.asarray(picture)


def example(
    text: str = TEXT, summary: str = "Words.", *, pages: int | None = None, options=SMALL, **known
) -> Example:
    truth = truth_of(text, summary, **known)
    count = count_pages(truth, 0, options) if pages is None else pages
    return Example("one", (), conversation(summary, options, count), truth)


def faults(*examples: Example, options=SMALL) -> dict[str, str]:
    found = list(check_examples(examples, options, Silent()))
    return {fault.kind: fault.severity for fault in found}


@pytest.mark.parametrize("shape", [(1, 1), (3, 65_535), (63, 1024), (64, 1024), (130, 1024), (512, 511)])
@pytest.mark.parametrize("level", [0, 6])
def test_png_files_hold_the_pixels(shape: tuple[int, int], level: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    data = encode(pixels, level)
    assert (pixels_of(Image("page", data)) == pixels).all()
    with Pictures.open(io.BytesIO(data)) as picture:
        picture.verify()


def test_the_same_truth_gives_the_same_bytes_in_every_thread() -> None:
    truth = truth_of(f"{TEXT}\n\nنص عربي. 中文。", "Words.")
    expected = [image.bytes for image in draw_pages(truth, 1, SMALL).images]
    found: list[list[bytes]] = []

    def work() -> None:
        found.append([image.bytes for image in draw_pages(truth, 1, SMALL).images])

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 6


def test_pages_are_named_counted_and_of_the_styles_size() -> None:
    truth = truth_of(TEXT, "Words.")
    options = complete({"style": {"width": 300, "height": 400}})
    drawn = draw_pages(truth, 0, options)
    assert [image.path for image in drawn.images[:2]] == ["page-001.png", "page-002.png"]
    assert count_pages(truth, 0, options) == len(drawn.images) == len(drawn.reports) > 2
    assert {pixels_of(image).shape for image in drawn.images} == {(400, 300)}


def test_kept_pages_are_smaller_files_of_the_same_pixels() -> None:
    truth = truth_of(TEXT, "Words.")
    plain, kept = draw_pages(truth, 0, SMALL), draw_pages(truth, 0, {**SMALL, "keep_images": True})
    assert len(kept.images[0].bytes) < len(plain.images[0].bytes) / 3
    assert (pixels_of(kept.images[0]) == pixels_of(plain.images[0])).all()


def test_ink_and_paper_are_the_styles() -> None:
    options = complete({"style": {"size": "tiny", "ink": 40, "paper": 230, "font_size": 30}})
    pixels = pixels_of(draw_pages(truth_of("Words", "w"), 0, options).images[0])
    assert pixels.min() == 40
    assert pixels.max() == 230
    assert pixels[0, 0] == 230


def test_a_report_counts_what_is_on_a_page() -> None:
    drawn = draw_pages(truth_of(f"{TEXT} \U0001f517", "Words."), 0, SMALL)
    assert sum(found.characters for found in drawn.reports) == len(drawn.document.text.replace("\n", ""))
    assert all(found.lines == len(found.ink) > 5 for found in drawn.reports)
    assert [found.missing for found in drawn.reports[:-1]] == [()] * (len(drawn.images) - 1)
    assert set(drawn.reports[-1].missing) == set(drawn.layout.missing)
    x = draw_pages(truth_of("x x x", "w"), 0, complete({"style": {"size": "tiny", "font_size": 60}})).reports[0]
    assert x.letter_height == pytest.approx(x.ink[0][3] - x.ink[0][1], abs=2)


def test_ink_boxes_hold_all_ink() -> None:
    drawn = draw_pages(truth_of(TEXT, "Words."), 0, SMALL)
    pixels = draw(drawn.layout, 0)
    rest = pixels.copy()
    for left, top, right, bottom in report(drawn.layout, 0).ink.astype(int):
        assert (pixels[top:bottom, left:right] < 128).any()
        rest[top:bottom, left:right] = 255
    assert rest.min() > 200


def test_documents_without_text_and_too_long_ones_are_input_errors() -> None:
    with pytest.raises(InputError, match="no text"):
        draw_pages(truth_of(" \n ", "w"), 0, SMALL)
    with pytest.raises(InputError, match="more than 2 pages"):
        draw_pages(truth_of(TEXT, "w"), 0, complete({"style": {"size": "tiny"}, "max_pages": 2}))
    with pytest.raises(InputError, match="max_characters=100"):
        count_pages(truth_of(TEXT, "w"), 0, complete({"max_characters": 100}))


def test_a_document_that_is_cut_keeps_its_first_pages() -> None:
    cut = complete({"style": {"size": "tiny"}, "max_pages": 2, "long": "cut"})
    truth = truth_of(TEXT, "w")
    drawn = draw_pages(truth, 0, cut)
    whole = draw_pages(truth, 0, SMALL)
    assert [image.bytes for image in drawn.images] == [image.bytes for image in whole.images[:2]]
    assert not drawn.layout.complete


def test_variety_is_the_seeds_and_never_gives_more_pages() -> None:
    varied = complete({"style": {"size": "tiny"}, "variety": 1.0})
    truth = truth_of(TEXT, "w")
    plain = count_pages(truth, 0, SMALL)
    first = []
    for seed in range(8):
        drawn = draw_pages(truth, seed, varied)
        assert len(drawn.images) == count_pages(truth, seed, varied) <= plain
        assert drawn.layout.complete
        first.append(drawn.images[0].bytes)
    assert len(set(first)) > 4
    assert draw_pages(truth, 3, varied).images[0].bytes == first[3]


def test_a_sound_example_has_no_fault() -> None:
    assert faults(example()) == {}


def test_every_fault_is_named() -> None:
    assert faults(example(summary=" ")) == {"no_summary": "error"}
    assert faults(replace(example(), truth=truth_of(" ", "w"))) == {"empty_document": "error"}
    assert faults(example("Short.", "A summary that is longer than it.")) == {"long_summary": "warning"}
    assert faults(example(pages=1)) == {"page_places": "error"}
    assert faults(example("A word \U0010fffd.")) == {"missing_glyphs": "warning"}
    tiny = complete({"style": {"size": "tiny", "font_size": 6}})
    assert faults(example(options=tiny), options=tiny) == {"small_letters": "warning"}
    short = complete({"style": {"size": "tiny"}, "max_pages": 1})
    assert faults(example(), options=short) == {"document": "error"}


def test_kept_pages_are_held_against_their_truth() -> None:
    sound = example()
    images = draw_pages(sound.truth, 0, SMALL).images
    assert faults(sound.with_images(images)) == {}
    assert faults(sound.with_images(images[:-1])) == {"page_places": "error"}
    assert faults(sound.with_images((images[1], *images[1:]))) == {"other_page": "warning"}


def test_given_pages_need_no_text() -> None:
    truth = {**truth_of("", "Words."), "pages": "given"}
    image = Image("page-001.png", encode(np.full((128, 128), 255, np.uint8)))
    given = Example("scan", (image,), conversation("Words.", SMALL, 1), truth)
    assert faults(given) == {}
    assert faults(given.with_images(())) == {"page_places": "error"}


def test_missing_code_points_are_listed_by_name() -> None:
    found = list(check_examples([example("Private \U0010fffd and \U0010fffc.")], SMALL, Silent()))
    assert "U+10FFFC" in found[0].reason
    assert "U+10FFFD" in found[0].reason


def test_letters_are_small_below_the_stated_height() -> None:
    drawn = draw_pages(truth_of("x", "w"), 0, complete({"style": {"font_size": 10}}))
    assert drawn.reports[0].letter_height > SMALLEST_LETTER
