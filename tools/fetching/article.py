"""Which blocks of a web page belong to its article, and which stand around it: menus, notices, lists of other pages.

In: the text of an HTML page, and the blocks that our reader makes of it. Out: the blocks of the article, with their
sections and offsets as they were. The article is found by trafilatura, which often loses headings; so its text only
says which of our blocks to keep. It is handed text, never an address, and fetches nothing. Not here: reading the page
(readers/web_page.py).
"""

from collections.abc import Sequence
from typing import Any, Final

from citerefine.tools.readers.document import Block
from citerefine.tools.readers.quiet import quiet

_SHORT: Final = 25
"""Letters and digits; a shorter block may stand in an article by chance, as part of another word."""
_LEAST: Final = 0.5
"""Of the article's letters; where fewer are found in our blocks, it is not the text that a reader sees."""


def article_blocks(page: str, blocks: Sequence[Block]) -> Sequence[Block]:
    """The blocks of the page's article; all, where none is found."""
    body = _article(page)
    if body is None:
        return blocks
    article = _letters("".join(body.itertext()))
    lines = {_letters("".join(element.itertext())) for element in body.iter() if not len(element)}
    kept, n_letters = list[Block](), 0
    for block in blocks:
        letters = _letters(block.text)
        if letters in lines or (len(letters) >= _SHORT and letters in article):
            kept.append(block)
            n_letters += len(letters)
    return kept if kept and n_letters >= _LEAST * len(article) else blocks


def _article(page: str) -> Any:
    """The article as a tree, or None."""
    from trafilatura import bare_extraction

    try:
        with quiet("trafilatura"):
            found = bare_extraction(page, output_format="xml", include_comments=False)
    except Exception:  # code of others, on pages that may have been made to break it
        return None
    return getattr(found, "body", None)


def _letters(text: str) -> str:
    """What is left of a text whose white space and punctuation may be another parser's."""
    return "".join(filter(str.isalnum, text))
