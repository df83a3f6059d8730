"""A search that knows nothing of citerefine: its hits are plain dicts."""

BOOKS = [
    {
        "text": "Perch in Lake Orven doubled between 1990 and 2010, as net surveys show.",
        "title": "Fish of Lake Orven",
        "url": "https://example.org/orven",
    },
    {"text": "Ice on Lake Saima came later in 2011.", "title": "Ice records"},
]


def find(words: str) -> list[dict[str, str]]:
    """The books that hold any of these words."""
    wanted = set(words.lower().split())
    return [book for book in BOOKS if wanted & set(book["text"].lower().split())]
