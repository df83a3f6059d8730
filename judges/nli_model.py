"""Computes with a sequence-classification model whether texts entail claims, in the calling thread.

In: a path, then queries. Out: verdicts. All that imports torch for nli_judge.py is here. Not here: threads.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from citerefine.judges.verdict import Label, SupportQuery, Verdict, not_judged
from citerefine.refiner.errors import ModelError
from citerefine.refiner.language.sentences import split_sentences

_SAFE: Final = {"trust_remote_code": False}
_LONGEST: Final = 8192
"""Tokens of premise and claim where neither model nor tokenizer names a limit."""
_LEAST_PREMISE: Final = 16
"""Fewest tokens of a premise that a claim must leave room for."""
_CLASSES: Final = {
    "entailment": Label.FULL,
    "contradiction": Label.CONTRADICTS,
    "neutral": Label.NONE,
    "not_entailment": Label.NONE,
}
_KNOWN: Final = ({"entailment", "neutral", "contradiction"}, {"entailment", "not_entailment"})


def load_nli(path: str, device: str | None) -> "NliModel":
    """The model at a path. Raises ModelError if it cannot be read, or is none for NLI."""
    where = str(Path(path).expanduser()) if path.startswith("~") else path
    try:
        tokenizer = AutoTokenizer.from_pretrained(where, **_SAFE)
        model, loading = AutoModelForSequenceClassification.from_pretrained(
            where, use_safetensors=True, output_loading_info=True, **_SAFE
        )
    except (OSError, ValueError) as error:
        first_line = str(error).strip().partition("\n")[0]
        raise ModelError(f"'hf:{path}' cannot be loaded as a sequence classifier: {first_line}") from error
    if loading["missing_keys"]:  # transformers would go on with random weights
        raise ModelError(f"'hf:{path}' lacks weights of a classifier: {', '.join(sorted(loading['missing_keys'])[:4])}")
    classes = read_classes(model.config.id2label, path)
    return NliModel(tokenizer, model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval(), classes)


def read_classes(id2label: dict[int, str], path: str) -> list[str]:
    """The class of each output of a model, as a key of `_CLASSES`.

    Raises:
        ModelError: if they are not entailment, neutral and contradiction, or entailment and not_entailment, whatever
            their order and case.
    """
    names = [str(id2label[number]) for number in sorted(id2label)]
    classes = [name.strip().lower().replace("-", "_").replace(" ", "_") for name in names]
    if len(classes) != len({*classes}) or {*classes} not in _KNOWN:
        raise ModelError(
            f"'hf:{path}' has the classes {', '.join(map(repr, names))[:300]}; a judge needs entailment, neutral and "
            "contradiction, or entailment and not_entailment (id2label in config.json)"
        )
    return classes


class _Pair(NamedTuple):
    query: int
    window: str


class NliModel:
    """A model in memory. Not for two threads at once."""

    def __init__(self, tokenizer: Any, model: Any, classes: Sequence[str]) -> None:
        self._tokenizer, self._model = tokenizer, model
        self._classes = list(classes)
        self._longest = min(_LONGEST, tokenizer.model_max_length, _positions(model.config))
        self._frame: int = tokenizer.num_special_tokens_to_add(pair=True)

    def judge(self, queries: Sequence[SupportQuery], judge: str, batch: int) -> list[Verdict]:
        """The verdict on each query, in order.

        Args:
            queries: what is asked.
            judge: the name that verdicts bear.
            batch: most pairs at once.
        """
        pairs = [_Pair(number, window) for number, query in enumerate(queries) for window in self._windows(query)]
        rows = self._probabilities([(pair.window, _hypothesis(queries[pair.query])) for pair in pairs], batch)
        of_query = dict[int, list[list[float]]]()
        for pair, row in zip(pairs, rows, strict=True):
            of_query.setdefault(pair.query, []).append(row)
        return [self._verdict(of_query.get(number, []), judge) for number in range(len(queries))]

    def _verdict(self, windows: Sequence[Sequence[float]], judge: str) -> Verdict:
        if not windows:
            what = f"the claim leaves no room for evidence in the {self._longest} tokens that the model takes"
            return not_judged(judge, "context_exceeded", what)
        entailment = self._classes.index("entailment")
        best = max(windows, key=lambda row: row[entailment])
        if not all(0 <= p <= 1 for p in best):
            return not_judged(judge, "bad_response", "the model gave values that are no probabilities")
        label = _CLASSES[self._classes[best.index(max(best))]]
        reason = f"the best of {len(windows)} parts of the evidence" if len(windows) > 1 else ""
        return Verdict(label=label, p_supported=best[entailment], reason=reason, judge=judge)

    def _probabilities(self, pairs: Sequence[tuple[str, str]], batch: int) -> list[list[float]]:
        """`p_PC` of each pair, by class; pairs of like length are computed together, since padding costs."""
        order = sorted(range(len(pairs)), key=lambda number: sum(map(len, pairs[number])))
        rows = dict[int, list[float]]()
        for first in range(0, len(order), batch):
            part = order[first : first + batch]
            inputs = self._tokenizer(
                [pairs[number][0] for number in part],
                [pairs[number][1] for number in part],
                padding=True,
                truncation="only_first",
                max_length=self._longest,
                return_tensors="pt",
            )
            with torch.inference_mode():
                logits_BC = self._model(**inputs.to(self._model.device)).logits
            rows |= zip(part, logits_BC.float().softmax(-1).tolist(), strict=True)
        return [rows[number] for number in range(len(pairs))]

    def _windows(self, query: SupportQuery) -> list[str]:
        """The premise, whole or in windows of whole sentences, each beginning with the last sentence of the one before;
        none if the claim leaves no room for any."""
        room = self._longest - self._frame - self._count(_hypothesis(query))
        if room < _LEAST_PREMISE:
            return []
        texts = [part for snippet in query.snippets for part in (snippet.title, snippet.text) if part]
        whole = "\n".join(texts)
        if self._count(whole) <= room:
            return [whole]
        sentences = [piece for text in texts for piece in self._sentences(text, room)]
        return list(_packed(sentences, [self._count(one) for one in sentences], room))

    def _sentences(self, text: str, room: int) -> Iterator[str]:
        """The sentences of a text, those beyond `room` in pieces."""
        for start, end in split_sentences(text):
            sentence = text[start:end]
            ids = self._tokenizer.encode(sentence, add_special_tokens=False, verbose=False)
            if len(ids) <= room:
                yield sentence
                continue
            for first in range(0, len(ids), room):
                yield self._tokenizer.decode(ids[first : first + room])

    def _count(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False, verbose=False))


def _hypothesis(query: SupportQuery) -> str:
    """The claim, or its sentence: such a model knows of no part that is meant otherwise than it says."""
    return query.context or query.claim


def _positions(config: Any) -> int:
    """How many tokens a model has positions for."""
    positions = getattr(config, "max_position_embeddings", None) or _LONGEST
    # RoBERTa and its kin count from behind the padding's number on.
    return int(positions) - (config.pad_token_id + 1 if "roberta" in config.model_type else 0)


def _packed(sentences: Sequence[str], sizes: Sequence[int], room: int) -> Iterator[str]:
    """Windows of neighbouring sentences, each as long as fits."""
    first = 0
    while first < len(sentences):
        last, used = first + 1, sizes[first]
        while last < len(sentences) and used + sizes[last] + 1 <= room:
            used += sizes[last] + 1
            last += 1
        yield " ".join(sentences[first:last])
        if last == len(sentences):
            return
        # Overlaps by a sentence, unless that would leave no room for a new one.
        first = last - 1 if last - 1 > first and sizes[last - 1] + sizes[last] + 1 <= room else last
