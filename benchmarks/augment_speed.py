"""What augmentation costs a page of 1,024 x 1,024 pixels: each effect alone, then whole examples.

    python benchmarks/augment_speed.py

CPU milliseconds of one thread, the median over repeats, so that other work on the machine counts for little.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy
import PIL

from redraft.core.discovery import load_task
from redraft.core.example import Example
from redraft.core.work import Silent
from redraft.tasks.summary.augment import create_training_transform
from redraft.tasks.summary.augment.effects import Effects, apply, encoded
from redraft.tasks.summary.augment.tone import Tone
from redraft.tasks.summary.augment.warp import Warp
from redraft.tasks.summary.drawing import draw_pages, lay_out_truth
from redraft.tasks.summary.pages.draw import draw

EFFECTS = {
    "rotation and perspective": Effects(warp=Warp(1.0, 0.02, -0.01)),
    "blur": Effects(tone=Tone(blur=0.04)),
    "light and contrast": Effects(tone=Tone(contrast=0.85, shade_x=0.05, shade_y=0.03)),
    "grain": Effects(tone=Tone(noise=6.0)),
    "blur, light, contrast and grain": Effects(
        tone=Tone(blur=0.04, contrast=0.85, shade_x=0.05, shade_y=0.03, noise=6.0)
    ),
}
FILES = {
    "stored as PNG": Effects(),
    "stored as PNG, tinted": Effects(tone=Tone(tint=(0.05, -0.05))),
    "stored as JPEG 70": Effects(jpeg=70),
    "stored as JPEG 70, tinted": Effects(tone=Tone(tint=(0.05, -0.05)), jpeg=70),
}


def milliseconds(work: Callable[[], object], repeats: int = 25) -> float:
    work()
    found = []
    for _ in range(repeats):
        started = time.thread_time()
        work()
        found.append(time.thread_time() - started)
    return statistics.median(found) * 1000


def main() -> None:
    task = load_task("summary")
    options = task.options({"level": "full"})
    examples = list(task.generate(12, 0, options, Silent()))
    page = draw(lay_out_truth(examples[0].truth, 0, options), 0)
    grainy = apply(page, Effects(tone=Tone(noise=4.0)))
    print("| a page of 1,024 x 1,024 | CPU ms |\n|---|---|")
    for name, effects in EFFECTS.items():
        print(f"| {name} | {milliseconds(lambda e=effects: apply(page, e, 12.0)):.1f} |")  # type: ignore[misc]
    for name, effects in FILES.items():
        print(f"| {name} | {milliseconds(lambda e=effects: encoded(grainy, e, 'page-001.png')):.1f} |")  # type: ignore[misc]
    print("\n| an example, mean a page over 12 documents | CPU ms a page |\n|---|---|")
    pages = sum(part.image_count for example in examples for part in example.messages)
    plain = sum(milliseconds(lambda e=e: draw_pages(e.truth, e.seed, options), 3) for e in examples)  # type: ignore[misc]
    print(f"| drawn as it is | {plain / pages:.1f} |")
    for strength in (0.5, 1.0):
        print(f"| strength {strength} | {augmented(options, examples, strength):.1f} |")
    print(f"\n{pages} pages, Pillow {PIL.__version__}, numpy {numpy.__version__}")


def augmented(options: dict[str, Any], examples: list[Example], strength: float) -> float:
    """CPU milliseconds a page over four epochs."""
    transform = create_training_transform(options, strength=strength)
    spent, made = 0.0, 0
    for epoch in range(4):
        for example in examples:
            started = time.thread_time()
            made += len(transform(example, epoch).images)
            spent += time.thread_time() - started
    return spent / made * 1000


if __name__ == "__main__":
    main()
