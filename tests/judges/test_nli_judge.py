"""A sequence-classification model as judge: a real one, tiny, with random weights."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest
import torch
from tests.judges.chat.judging import EELS, PERCH, judged, query
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, BertModel, PreTrainedTokenizerFast, set_seed

from citerefine.judges.judge import SupportJudge
from citerefine.judges.nli_judge import NliJudge
from citerefine.judges.nli_model import read_classes
from citerefine.judges.verdict import Label, Verdict
from citerefine.refiner.errors import ModelError
from citerefine.refiner.records import Snippet

LONGEST: Final = 64
"""Tokens that the model takes."""
NLI: Final = ("entailment", "neutral", "contradiction")
LAKES: Final = [Snippet(id=f"s{n}", text=" ".join(f"lake{n}{m}" for m in range(40)) + ".") for n in range(3)]
"""Each as long as one window."""


def make_classifier(folder: Path, classes: Sequence[str], bias: Sequence[float] | None = None, seed: int = 3) -> str:
    """Writes a tiny BERT; with `bias`, it gives these logits whatever it reads. Returns its judge string."""
    set_seed(seed)
    config = BertConfig(
        vocab_size=512,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=LONGEST,
        initializer_range=0.8,
        id2label=dict(enumerate(classes)),
        label2id={name: number for number, name in enumerate(classes)},
    )
    model = BertForSequenceClassification(config)
    if bias is not None:
        with torch.no_grad():
            model.classifier.weight.zero_()
            model.classifier.bias.copy_(torch.tensor(bias))
    model.save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    return f"hf:{folder}"


def _tokenizer() -> PreTrainedTokenizerFast:
    """One token a word."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"lake{n}{m}" for n in range(3) for m in range(40))]
    words += [".", "Perch", "doubled", "in", "Lake", "Orven", "by", "2010", "Survey", "Eels", "left", "the", "lake"]
    core = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return PreTrainedTokenizerFast(tokenizer_object=core, pad_token="[PAD]", unk_token="[UNK]")


@pytest.fixture(scope="module")
def random_judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NliJudge]:
    judge = NliJudge(make_classifier(tmp_path_factory.mktemp("nli"), NLI), device="cpu")
    yield judge
    asyncio.run(judge.aclose())


# --- labels -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("classes", "bias", "label", "p"),
    [
        (NLI, [2.0, 0.0, 0.0], Label.FULL, 0.787),
        (NLI, [0.0, 2.0, 0.0], Label.NONE, 0.107),
        (NLI, [0.0, 0.0, 2.0], Label.CONTRADICTS, 0.107),
        (("CONTRADICTION", "Neutral", "Entailment"), [0.0, 0.0, 2.0], Label.FULL, 0.787),
        (("CONTRADICTION", "Neutral", "Entailment"), [2.0, 0.0, 0.0], Label.CONTRADICTS, 0.107),
        (("not_entailment", "entailment"), [0.0, 2.0], Label.FULL, 0.881),
        (("entailment", "not-entailment"), [0.0, 2.0], Label.NONE, 0.119),
    ],
)
def test_classes_are_known_by_name_in_any_order_and_case(
    tmp_path: Path, classes: tuple[str, ...], bias: list[float], label: Label, p: float
) -> None:
    judge = NliJudge(make_classifier(tmp_path, classes, bias))
    (verdict,) = judged(judge, query("Perch doubled.", PERCH, EELS))
    assert verdict.label is label
    assert verdict.p_supported == pytest.approx(p, abs=1e-3)
    assert (verdict.reason, verdict.judge) == ("", judge.name)


@pytest.mark.parametrize(
    "classes",
    [
        {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"},
        {0: "positive", 1: "negative"},
        {0: "entailment", 1: "neutral"},
        {0: "entailment", 1: "Entailment"},
        {0: "entailment"},
    ],
)
def test_a_model_for_something_else_is_refused_with_the_classes_that_it_has(classes: dict[int, str]) -> None:
    with pytest.raises(ModelError) as caught:
        read_classes(classes, "some/model")
    assert str(caught.value).startswith(f"'hf:some/model' has the classes {', '.join(map(repr, classes.values()))}; a ")


def test_it_is_refused_when_it_is_first_asked(tmp_path: Path) -> None:
    judge = NliJudge(make_classifier(tmp_path, ("good", "bad")))
    with pytest.raises(ModelError, match="has the classes 'good', 'bad'"):
        judged(judge, query())


# --- long premises ----------------------------------------------------------------------------------------------


def test_of_a_premise_that_is_too_long_the_best_window_decides(random_judge: NliJudge) -> None:
    alone = judged(random_judge, *(query("Perch doubled.", lake) for lake in LAKES))
    (together,) = judged(random_judge, query("Perch doubled.", *LAKES))
    best = max(alone, key=lambda verdict: verdict.p_supported or 0)
    assert len({verdict.p_supported for verdict in alone}) == 3
    assert together.p_supported == pytest.approx(best.p_supported, abs=1e-5)
    assert together.label is best.label
    assert together.reason == "the best of 3 parts of the evidence"


def test_short_premises_are_read_whole_with_their_titles(random_judge: NliJudge) -> None:
    untitled = PERCH.model_copy(update={"title": None})
    titled, without = judged(random_judge, query("Perch doubled.", PERCH), query("Perch doubled.", untitled))
    assert titled.p_supported != without.p_supported
    assert titled.reason == without.reason == ""


def test_a_claim_that_is_part_of_a_sentence_is_judged_as_that_sentence(random_judge: NliJudge) -> None:
    part = query("Perch doubled", PERCH)._replace(context="Eels left Perch doubled")
    (as_part, alone, whole) = judged(
        random_judge, part, query("Perch doubled", PERCH), query("Eels left Perch doubled", PERCH)
    )
    assert as_part == whole != alone


def test_a_sentence_longer_than_a_window_is_read_in_pieces(random_judge: NliJudge) -> None:
    endless = Snippet(text=" ".join(f"lake{n % 3}{n % 40}" for n in range(300)))
    (verdict,) = judged(random_judge, query("Perch doubled.", endless))
    assert verdict.label is not None
    assert verdict.reason.endswith("parts of the evidence")


def test_a_claim_that_leaves_no_room_for_evidence_is_not_judged(random_judge: NliJudge) -> None:
    long, short = judged(random_judge, query("Perch doubled. " * 20), query("Perch doubled."))
    assert long.label is None
    assert (
        long.reason == "context_exceeded: the claim leaves no room for evidence in the 64 tokens that the model takes"
    )
    assert short.label is not None


# --- batches and threads ----------------------------------------------------------------------------------------


def test_verdicts_do_not_depend_on_what_is_computed_together(tmp_path: Path) -> None:
    name = make_classifier(tmp_path, NLI)
    queries = [query("Perch doubled.", PERCH), query("Eels left.", *LAKES), query("Eels left the lake.", EELS, PERCH)]
    by_one, by_many = (judged(NliJudge(name, batch=batch), *queries) for batch in (1, 32))
    assert [one.label for one in by_one] == [one.label for one in by_many]
    assert [one.p_supported for one in by_one] == pytest.approx([one.p_supported for one in by_many], abs=1e-5)


def test_the_event_loop_goes_on_while_the_model_is_loaded_and_asked(tmp_path: Path) -> None:
    judge = NliJudge(make_classifier(tmp_path, NLI))

    async def run() -> tuple[int, list[Verdict]]:
        ticks, asking = 0, asyncio.create_task(judge.judge([query("Perch doubled.", *LAKES)] * 50))
        while not asking.done():
            await asyncio.sleep(0.001)
            ticks += 1
        return ticks, await asking

    ticks, verdicts = asyncio.run(run())
    assert ticks >= 3
    assert len(verdicts) == 50


def test_it_is_loaded_at_first_use_and_anew_after_it_was_closed(random_judge: NliJudge) -> None:
    (first,) = judged(random_judge, query())
    assert judged(random_judge, query()) == [first]


def test_no_queries_give_no_verdicts(random_judge: NliJudge) -> None:
    assert judged(random_judge) == []


# --- strings ----------------------------------------------------------------------------------------------------


def test_it_is_a_support_judge_with_its_string_in_its_name(random_judge: NliJudge) -> None:
    assert isinstance(random_judge, SupportJudge)
    assert random_judge.name.startswith("hf:/")


@pytest.mark.parametrize("name", ["hf:", "vllm:x", "x"])
def test_another_string_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="write hf:PATH_OR_NAME"):
        NliJudge(name)


def test_a_folder_without_a_classifier_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"'hf:{tmp_path}' cannot be loaded as a sequence classifier"):
        judged(NliJudge(f"hf:{tmp_path}"), query())


def test_a_checkpoint_without_the_classifiers_weights_is_refused(tmp_path: Path) -> None:
    make_classifier(tmp_path, NLI)
    config = BertConfig.from_pretrained(tmp_path)
    BertModel(config, add_pooling_layer=False).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"lacks weights of a classifier: bert\.pooler"):
        judged(NliJudge(f"hf:{tmp_path}"), query())
