"""Draws the pictures of the README and the docs: the answer that `make demo` gives, pages of scores and of grades, and
the page that is served.

    python docs/pictures.py

In: the built-in notes, and the answers below. Out: docs/images/answer-terminal.svg and, by Chromium,
docs/images/answer-page.png, score-page.png, grade-page.png and serve-page.png.
`terminal_picture` is also what the tests compare the stored picture with.
"""

import io
import json
import re
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME

from citerefine.app.ask import noting
from citerefine.app.searching import NO_SOURCES, open_searched
from citerefine.judges import CitedAnswer, LexicalJudge, ascore
from citerefine.judges.report.score_page import ScorePage
from citerefine.judges.rubric import LexicalRubricJudge
from citerefine.judges.rubric.report.grade_page import GradePage
from citerefine.judges.rubric.runs.grade_file import grade_file
from citerefine.judges.rubric.runs.grade_watch import GradeWatch
from citerefine.judges.rubric.runs.matching import RubricShelf
from citerefine.judges.runs.score_row import score_row
from citerefine.judges.runs.tally import Tally, figures_of
from citerefine.refiner import Answer, Evidence
from citerefine.refiner.agent.run import research
from citerefine.refiner.answer import parse_answer
from citerefine.refiner.background import run
from citerefine.refiner.report.terminal import print_answer
from citerefine.refiner.tags.scanner import parse_tags
from citerefine.rubrics import Rubric, read_rubric

QUESTION = "How does ALCE measure citation recall and precision?"
IMAGES = Path(__file__).parent / "images"
WIDTH = 84


LAKE = Evidence(
    [
        {"id": "nets", "text": "Gill-net catches of perch doubled between 2008 and 2018. Roach fell from 41 to 17 kg."},
        {"id": "pike", "text": "Large pike came back after fishing for them was banned in 2005. They feed on roach."},
        {"id": "heat", "text": "Mean summer surface temperature rose by 1.9 °C between 1988 and 2018."},
    ]
)
ANSWERS = {
    "Why did perch double in the lake?": """Perch have had a good decade.
<snippet id=nets>Catches of perch doubled between 2008 and 2015.</snippet>
<snippet id=pike>Large pike came back after fishing for them was banned in 2005.</snippet>
Perch fry were stocked by the angling club. <snippet id=depth>The lake is 40 m deep.</snippet>""",
    "What happened to the roach?": """<snippet id=nets>Roach fell from 41 to 17 kg.</snippet>
<snippet id=pike>Large pike feed on roach.</snippet>""",
    "How much warmer did the lake become?": """<snippet id=heat>Mean summer surface temperature rose by 1.9 °C
between 1988 and 2018.</snippet> Winters became milder too.""",
}

SERVED = Evidence(
    [
        {"title": "Gill-net surveys of Lake Orrin", "authors": ["Marit Halvorsen"], "year": 2021, "section": "Percids",
         "url": "https://example.org/nets", "text": LAKE["nets"].text},
        {"title": "What the fishing ban did", "authors": ["Ilse Brand", "Jon Ek"], "year": 2016,
         "url": "https://example.org/pike", "text": LAKE["pike"].text},
        {"title": "Warming of northern lakes", "year": 2019, "url": "https://example.org/heat",
         "text": LAKE["heat"].text},
    ]
)  # fmt: skip
SERVED_ANSWER = """<answer>Perch have had a good decade. <snippet id=S1>Catches of perch doubled between 2008 and
2015.</snippet> Two things are given as reasons:

- <snippet id=S2>Large pike came back after fishing for them was banned in 2005</snippet>, and
<snippet id=S2,S1>they feed on roach</snippet>, with which perch compete.
- <snippet id=S3>Perch fry were stocked by the angling club.</snippet></answer>"""

CRITERIA: dict[str, list[object]] = {
    "positive_rubrics": [
        {"title": "Catches", "description": "States that catches of perch doubled.", "weight": 2},
        {"title": "Ban", "description": "States that fishing for large pike was banned in 2005."},
        {"title": "Warming", "description": "States by how much the temperature rose: 1.9 °C."},
        {"title": "Roach", "description": "States that roach fell from 41 to 17 kg."},
    ],
    "negative_rubrics": [{"title": "Stocking", "description": "States that perch fry were stocked."}],
}


def demo_answer() -> Answer:
    """The answer of `make demo`."""
    with open_searched([], NO_SOURCES) as searched:
        return noting(run(research(QUESTION, [searched])), searched.notes)


def terminal_picture(answer: Answer) -> str:
    """The answer in a terminal, as SVG that loads nothing."""
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor",
        legacy_windows=False,
    )  # fmt: skip
    print_answer(answer, console)
    svg = console.export_svg(title=f'citerefine ask "{QUESTION}"', theme=SVG_EXPORT_THEME, unique_id="answer")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


def score_page() -> str:
    """A page of scores: three answers about a lake."""
    page, tally, judge = ScorePage(), Tally("citerefine"), LexicalJudge()
    for number, (question, text) in enumerate(ANSWERS.items(), 1):
        answer = CitedAnswer(parse_tags(f"<answer>{text}</answer>"), LAKE, question)
        row = score_row(run(ascore(answer, judge)), answer, f"lake-{number}")
        page.add(row)
        tally.add(figures_of(row))
    return page.render(tally.summary(judge.name), "lake.jsonl")


def grade_page() -> str:
    """A page of grades: the same answers, by criteria of what the sources tell."""
    page, rubric = GradePage(), read_rubric(CRITERIA)
    shelf = RubricShelf([Rubric(criteria=rubric.criteria)], [])
    snippets = [{"id": one.id, "text": one.text} for one in LAKE.snippets]
    rows = [
        {"id": f"lake-{number}", "question": question, "snippets": snippets, "answer": f"<answer>{text}</answer>"}
        for number, (question, text) in enumerate(ANSWERS.items(), 1)
    ]
    source = io.BytesIO("".join(json.dumps(row) + "\n" for row in rows).encode())
    summary = grade_file(source, LexicalRubricJudge(), shelf, watch=GradeWatch(row=page.add))
    return page.render(summary, "lake.jsonl")


def page_picture(html: str, path: Path, *, height: int = 860, show: str = "body") -> None:
    """A page in a window, from the first element that `show` selects."""
    with tempfile.TemporaryDirectory() as folder:
        page_file = Path(folder, "page.html")
        page_file.write_text(html, encoding="utf-8")
        picture_of(page_file.as_uri(), path, height=height, show=show)


def picture_of(url: str, path: Path, *, height: int = 860, show: str = "body", press: str = "") -> None:
    """What is at an address, in a window, once what `press` selects was pressed."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is not on the PATH; install it to draw the page")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": height}, color_scheme="light")
        page.goto(url)
        page.locator(show).first.evaluate("element => scrollTo({top: element.offsetTop - 16, behavior: 'instant'})")
        if press:
            page.locator(press).first.click()
        page.screenshot(path=path)
        browser.close()


def served_picture(path: Path) -> None:
    """The page of an answer, as `citerefine serve` shows it."""
    from citerefine.app.serving.answering import Answerer
    from citerefine.app.serving.server import Server, configuration
    from citerefine.app.serving.settings import ServeSettings
    from citerefine.app.serving.site.history import History

    with tempfile.TemporaryDirectory() as folder:
        settings = ServeSettings(history=Path(folder, "answers.db"))
        history, question = History(settings.history), next(iter(ANSWERS))
        history.begin("lake", question, {"model": "openai:Qwen/Qwen3-4B@http://localhost:8000/v1"})
        history.finish("lake", parse_answer(SERVED_ANSWER, SERVED, question=question, model="Qwen/Qwen3-4B"))
        history.close()
        answerer = Answerer(settings)
        config = configuration(answerer)
        config.port = 0
        server = Server(config, answerer)
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            port = server.servers[0].sockets[0].getsockname()[1]
            picture_of(f"http://127.0.0.1:{port}/answers/lake", path, height=900, press=".state")
        finally:
            server.should_exit = True
            thread.join()


def main() -> None:
    """Draws all."""
    answer = demo_answer()
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / "answer-terminal.svg").write_text(terminal_picture(answer), encoding="utf-8")
    page_picture(answer.to_html(), IMAGES / "answer-page.png")
    page_picture(score_page(), IMAGES / "score-page.png", height=960, show="#answers")
    page_picture(grade_page(), IMAGES / "grade-page.png", height=960, show="#matrix-title")
    served_picture(IMAGES / "serve-page.png")


if __name__ == "__main__":
    main()
