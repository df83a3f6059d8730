"""Draws the two pictures of the README from the answer that `make demo` gives.

    python docs/pictures.py

In: the built-in notes. Out: docs/images/answer-terminal.svg and docs/images/answer-page.png, the latter by Chromium.
`terminal_picture` is also what the tests compare the stored picture with.
"""

import io
import re
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME

from citerefine.app.ask import answer_question
from citerefine.app.corpora import open_corpora
from citerefine.refiner import Answer
from citerefine.refiner.report.terminal import print_answer

QUESTION = "How does ALCE measure citation recall and precision?"
IMAGES = Path(__file__).parent / "images"
WIDTH = 84


def demo_answer() -> Answer:
    """The answer of `make demo`."""
    with open_corpora([]) as opened:
        return answer_question(QUESTION, opened)


def terminal_picture(answer: Answer) -> str:
    """The answer in a terminal, as SVG that loads nothing."""
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor",
        legacy_windows=False,
    )  # fmt: skip
    print_answer(answer, console)
    svg = console.export_svg(title=f'citerefine ask "{QUESTION}"', theme=SVG_EXPORT_THEME, unique_id="answer")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


def page_picture(answer: Answer, path: Path) -> None:
    """The answer as a page, photographed with one claim's card open."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is not on the PATH; install it to draw the page")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder, "answer.html")
        page_file.write_text(answer.to_html(), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme="light")
        page.goto(page_file.as_uri())
        page.screenshot(path=path)
        browser.close()


def main() -> None:
    """Draws both."""
    answer = demo_answer()
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / "answer-terminal.svg").write_text(terminal_picture(answer), encoding="utf-8")
    page_picture(answer, IMAGES / "answer-page.png")


if __name__ == "__main__":
    main()
