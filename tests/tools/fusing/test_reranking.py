"""Scores of a server with the route /rerank, and of a model in this process."""

import asyncio
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import pytest
from tests.faulty_server import Behaviour, Line, Request, hang, html, rate_limited, raw, status
from tests.tools.service import Asked, Service, json_reply
from tests.tools.sources.searching import KEY

from citerefine.refiner.errors import ModelError
from citerefine.refiner.records import Snippet
from citerefine.tools.fusing.reranking import Reranker, open_reranker, scores_of
from citerefine.tools.web.client import WebClient, WebLimits

HITS = [Snippet(text="Perch doubled.", title="Perch"), Snippet(text="Roach did not."), Snippet(text="Nets were set.")]
LIMITS = WebLimits(deadline=2, attempts=2, backoff=0.01)


def rerank(
    service: Service, hits: Sequence[Snippet] = HITS, limits: WebLimits = LIMITS, path: str = "/v2"
) -> list[float] | str:
    async def run() -> list[float] | str:
        async with WebClient(limits=limits) as web:
            return await scores_of(open_reranker(f"rerank:tiny@{service.base_url}{path}", web), "perch?", hits)

    return asyncio.run(run())


def results(*pairs: tuple[Any, Any], score: str = "relevance_score") -> list[dict[str, Any]]:
    return [{"index": index, score: value, "document": {"text": "…"}} for index, value in pairs]


def test_the_query_and_all_texts_are_sent_and_scores_come_back_in_their_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CITEREFINE_RERANK_KEY", KEY)
    with Service(json_reply({"id": "x", "results": results((2, 0.25), (0, 1), (1, -3.5))})) as service:
        assert rerank(service) == [1.0, -3.5, 0.25]
    (asked,) = service.asked
    assert (asked.method, asked.path) == ("POST", "/v2/rerank")
    assert asked.body == {
        "model": "tiny",
        "query": "perch?",
        "documents": ["Perch\nPerch doubled.", "Roach did not.", "Nets were set."],
    }
    assert asked.headers["authorization"] == f"Bearer {KEY}"


def test_without_a_key_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CITEREFINE_RERANK_KEY", raising=False)
    with Service(json_reply({"results": results((0, 1), (1, 2), (2, 3))})) as service:
        assert rerank(service) == [1, 2, 3]
    assert "authorization" not in service.asked[0].headers


def test_a_server_that_calls_documents_texts_is_asked_its_way() -> None:
    def route(asked: Asked) -> Behaviour:
        if "texts" not in asked.body:
            return status(422, "missing field `texts`")
        return json_reply(results((1, 0.5), (0, 0.25), (2, 0.0), score="score"))

    with Service(route=route) as service:
        assert rerank(service, path="") == [0.25, 0.5, 0.0]
    assert [asked.path for asked in service.asked] == ["/rerank", "/rerank"]


def test_many_hits_are_sent_in_batches() -> None:
    def behave(request: Request, line: Line) -> None:
        documents = request.body["documents"]
        pairs = [(index, float(text.split()[1])) for index, text in enumerate(documents)]
        line.answer(json.dumps({"results": results(*reversed(pairs))}).encode())

    hits = [Snippet(text=f"Perch {number}") for number in range(70)]
    with Service(behave) as service:
        assert rerank(service, hits) == [float(number) for number in range(70)]
    assert sorted(len(asked.body["documents"]) for asked in service.asked) == [6, 32, 32]


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (json_reply({"results": results((0, 1), (1, 2))}), "2 results for 3 documents"),
        (json_reply({"results": results((0, 1), (1, 2), (1, 3))}), "indices are not those of 3 documents, each once"),
        (json_reply({"results": results((0, 1), (1, 2), (3, 3))}), "indices are not those of 3 documents, each once"),
        (json_reply({"results": results((0, 1), (1, 2), (-1, 3))}), "indices are not those of 3 documents, each once"),
        (json_reply({"results": results((0, 1), (1, 2), ("2", 3))}), "the index '2', no whole number"),
        (json_reply({"results": results((0, 1), (1, 2), (True, 3))}), "the index True, no whole number"),
        (json_reply({"results": results((0, 1), (1, 2), (2, None))}), "the score None, no number"),
        (json_reply({"results": results((0, 1), (1, 2), (2, float("nan")))}), "holds NaN"),
        (json_reply({"results": ["a", "b", "c"]}), "the index None, no whole number"),
        (json_reply({"detail": "no such model"}), "results is NoneType, no list"),
        (raw(b'{"results": ['), "is no JSON"),
        (html(), "is no JSON"),
        (rate_limited("60"), "answers 429"),
        (status(503, "it starts"), "answers 503 ('it starts')"),
        (status(400, "no such model"), "and with texts for documents"),
        (status(401, "no key"), "check its key"),
    ],
)
def test_a_reply_that_is_not_whole_gives_no_scores_and_says_why(reply: Behaviour, says: str) -> None:
    with Service(reply) as service:
        found = rerank(service)
    assert isinstance(found, str)
    assert says in found


def test_a_server_that_hangs_or_is_not_there_gives_no_scores() -> None:
    with Service(hang()) as service:
        found = rerank(service, limits=WebLimits(deadline=0.2))
        assert isinstance(found, str)
        assert "no complete reply" in found
    gone = rerank(service)
    assert isinstance(gone, str)
    assert "no reply from" in gone


def test_a_key_is_in_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEREFINE_RERANK_KEY", KEY)
    with Service(status(401, f"Bearer {KEY} is not known")) as service:
        found = rerank(service)
    assert isinstance(found, str)
    assert KEY not in found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rerank:tiny", "is written rerank:NAME@BASE_URL"),
        ("rerank:@http://localhost/v1", "is written rerank:NAME@BASE_URL"),
        ("rerank:tiny@ftp://localhost", "is written rerank:NAME@BASE_URL"),
        ("rerank:tiny@http://a:b@localhost", "holds a user or a password"),
        ("hf:", "names no reranker"),
        ("openai:tiny@http://localhost", "names no reranker"),
        ("hf:./no/such/folder", "there is no folder"),
    ],
)
def test_a_string_that_names_no_reranker_is_refused(text: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        open_reranker(text, WebClient())


def test_a_key_that_no_header_can_carry_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEREFINE_RERANK_KEY", "schlüssel")
    with pytest.raises(ModelError, match="no HTTP header") as caught:
        open_reranker("rerank:tiny@http://localhost", WebClient())
    assert "schlüssel" not in str(caught.value)


def make_tiny_cross_encoder(folder: Path, n_labels: int = 1, head: bool = True) -> Path:
    """A BERT of random weights whose tokenizer knows single letters; without a head it is no cross-encoder."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *ascii_lowercase, *(f"##{letter}" for letter in ascii_lowercase)]
    tokenizer = Tokenizer(models.WordPiece({token: number for number, token in enumerate(tokens)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    fast.save_pretrained(folder)
    transformers.set_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(tokens), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=64, num_labels=n_labels,
    )  # fmt: skip
    kind = transformers.BertForSequenceClassification if head else transformers.BertModel
    kind(config).save_pretrained(folder)
    return folder


def local_scores(folder: Path, hits: Sequence[Snippet] = HITS) -> Sequence[float]:
    reranker = open_reranker(f"hf:{folder}", WebClient())
    assert isinstance(reranker, Reranker)
    return asyncio.run(reranker.rerank("perch doubled", hits))


def test_a_cross_encoder_gives_what_the_model_gives(tmp_path: Path) -> None:
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    folder = make_tiny_cross_encoder(tmp_path)
    # Several batches, the last texts longer than the model's context.
    hits = [Snippet(text=f"perch {'roach ' * number}fell") for number in range(40)]
    found = local_scores(folder, hits)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    expected = []
    with torch.inference_mode():
        for hit in hits:
            inputs = tokenizer("perch doubled", hit.text, truncation=True, max_length=62, return_tensors="pt")
            expected.append(model(**inputs).logits[0, 0].item())
    assert found == pytest.approx(expected, abs=1e-5)
    assert len({*expected}) > 5
    assert local_scores(folder, hits) == found


def test_a_model_that_gives_no_score_is_refused(tmp_path: Path) -> None:
    two_labels = make_tiny_cross_encoder(tmp_path / "labels", n_labels=2)
    headless = make_tiny_cross_encoder(tmp_path / "headless", head=False)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="it gives 2 labels and no score"):
        local_scores(two_labels)
    with pytest.raises(ModelError, match=r"it lacks weights of a cross-encoder: classifier\.bias"):
        local_scores(headless)
    with pytest.raises(ModelError, match="cannot be loaded"):
        local_scores(tmp_path / "empty")


def test_the_model_runs_in_a_thread_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("transformers")
    from citerefine.tools.fusing import cross_encoder

    threads = list[str]()

    class Noting:
        def scores(self, query: str, texts: Sequence[str]) -> list[float]:
            threads.append(threading.current_thread().name)
            return [0.0] * len(texts)

    monkeypatch.setattr(cross_encoder, "load", lambda path, device: Noting())
    assert local_scores(tmp_path) == [0.0, 0.0, 0.0]
    assert threads[0].startswith("citerefine-reranker")
