"""Draws docs/images/augmentation.png: one page in many ways, whole and at its own size.

    python scripts/draw_augmentation.py

The document is one that the project makes, so that everybody who runs this sees the same words; fonts are those of
the machine.
"""

from __future__ import annotations

import io
from pathlib import Path

import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from redraft.core.discovery import load_task
from redraft.core.example import Example
from redraft.core.work import Silent
from redraft.tasks.summary.augment import create_training_transform
from redraft.tasks.summary.augment.effects import Effects
from redraft.tasks.summary.pages.font_files import bundled

OUT = Path(__file__).parents[1] / "docs" / "images" / "augmentation.png"
WAYS = ((0.0, 0), (0.5, 1), (0.5, 2), (0.5, 4), (1.0, 0), (1.0, 5), (1.0, 8), (1.0, 12))
"""Strength and epoch of each page."""
ACROSS, PAGE, GAP, LINE = 4, 440, 16, 22
LEFT, CUT = 24, 200
"""Where the cut-outs begin on a page, and their height; they are as wide as a page of the sheet."""


def main() -> None:
    task = load_task("summary")
    options = task.options({"level": "full"})
    example = next(iter(task.generate(1, 4, options, Silent())))
    cells = [cell(example, options, *way) for way in WAYS]
    height = PAGE + LINE + CUT + GAP * 2
    rows = -(-len(cells) // ACROSS)
    sheet = PIL.Image.new("RGB", (ACROSS * (PAGE + GAP) + GAP, rows * (height + GAP)), "white")
    for number, one in enumerate(cells):
        sheet.paste(one, (GAP + number % ACROSS * (PAGE + GAP), GAP + number // ACROSS * (height + GAP)))
    sheet.quantize(256, dither=PIL.Image.Dither.NONE).save(OUT, optimize=True)
    print(f"{OUT.name}: {sheet.width} x {sheet.height}, {OUT.stat().st_size / 1024:.0f} KB")


def cell(example: Example, options: dict, strength: float, epoch: int) -> PIL.Image.Image:
    """The page made small, what is done to it, and a piece of it as it is."""
    transform = create_training_transform(options, seed=3, strength=strength)
    shown, plan = transform(example, epoch), transform.plan(example, epoch)
    page = PIL.Image.open(io.BytesIO(shown.images[0].bytes)).convert("RGB")
    found = PIL.Image.new("RGB", (PAGE, PAGE + LINE + CUT + GAP), "white")
    pen = PIL.ImageDraw.Draw(found)
    found.paste(page.resize((PAGE, PAGE), PIL.Image.Resampling.LANCZOS), (0, 0))
    top = page.height * 3 // 10
    found.paste(page.crop((LEFT, top, LEFT + PAGE, top + CUT)), (0, PAGE + LINE))
    for box in ((0, 0, PAGE - 1, PAGE - 1), (0, PAGE + LINE, PAGE - 1, PAGE + LINE + CUT - 1)):
        pen.rectangle(box, outline=(170, 170, 170))
    assert plan.layout is not None
    style = plan.layout.style
    words = f"{style.font} {style.font_size:g}, {style.columns} col." if strength else "as it is"
    label = f"strength {strength:g}: {words}{said(plan.effects[0])}" if strength else words
    font = PIL.ImageFont.truetype(bundled() / "DejaVuSans.ttf", 12)
    pen.text((2, PAGE + 4), label, fill=(60, 60, 60), font=font)
    return found


def said(effects: Effects) -> str:
    tone, warp = effects.tone, effects.warp
    parts = [f"{warp.angle:+.1f}°"] if warp.angle else []
    parts += ["lean"] * bool(warp.lean_x or warp.lean_y) + ["blur"] * (tone.blur > 0.01)
    parts += ["grain"] * (tone.noise > 1) + ["tint"] * (tone.tint != (0.0, 0.0))
    parts += [f"JPEG {effects.jpeg}"] if effects.jpeg else []
    return "; " + ", ".join(parts) if parts else ""


if __name__ == "__main__":
    main()
