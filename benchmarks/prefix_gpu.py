"""A training step of a 4B model on one group's answers, on one GPU: TRL's own way, and the prompt computed once.

Run: python -m benchmarks.prefix_gpu [--seconds S] [--tiny] [--out FOLDER]
Shapes of Qwen3-4B with random weights, bfloat16, AdamW; prompts of 6144 tokens, answers of 1024. TRL's way gets its
best case, answers of equal lengths, which need no mask, and its default, rows of one group in one micro-batch as far as
memory goes, gradient checkpointing. A floor is what one forward and backward must compute, recomputation not counted,
at the rate of a large matrix product measured on the spot. Writes prefix_gpu.json into FOLDER (by default $OUT, or
here) after each part; parts that the time does not suffice for are left out. `--tiny` runs the same on a CPU.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers
from benchmarks import prefix_attention, prefix_exact
from benchmarks.prefix_paths import (
    HAVE_TRL,
    NO_TRL,
    Work,
    install_shared,
    make_batch,
    make_config,
    make_model,
    policy_loss,
    shared_work,
    trl_scores,
    trl_work,
)

from citerefine.training.prefix import joining
from citerefine.training.prefix.attention import packed_attention
from citerefine.training.prefix.batch import PaddedBatch, pack_rows, read_groups
from citerefine.training.prefix.plan import PrefixPlan
from citerefine.training.prefix.shared import SharedPrefix

QWEN3_4B: Final = {
    "vocab_size": 151_936, "hidden_size": 2560, "intermediate_size": 9728, "num_hidden_layers": 36,
    "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
}  # fmt: skip


class Case(NamedTuple):
    """A group, and how often each way runs it for the clock."""

    name: str
    prompt: int
    answers: tuple[int, ...]
    trl_runs: int
    shared_runs: int


def cases(tiny: bool) -> list[Case]:
    """In the order of what they tell."""
    p, r = (48, 8) if tiny else (6144, 1024)
    ragged = tuple(max(1, r * share // 16) for share in (16, 12, 10, 9, 8, 8, 7, 5))
    return [
        Case("G=8", p, (r,) * 8, 3, 5),
        Case("G=16", p, (r,) * 16, 1, 3),
        Case("G=4", p, (r,) * 4, 2, 3),
        Case("G=8, answers of unequal lengths", p, ragged, 2, 3),
        Case("G=8, answers longer than the prompt", r, (r,) * 8, 2, 3),
    ]


class Bench:
    """One model, trained in both ways by turns."""

    def __init__(self, tiny: bool, seconds: float, out: Path) -> None:
        self.device = "cpu" if tiny else "cuda"
        self.tiny = tiny
        self.config = make_config(**(prefix_exact.TINY if tiny else QWEN3_4B))
        self.ends = time.monotonic() + seconds
        self.out = out
        self.found: dict[str, Any] = {}
        self.parts: dict[str, float] = {}
        self.rate = 0.0
        """Floating-point operations a second of a large bfloat16 matrix product."""

    def left(self) -> float:
        """Seconds that are left."""
        return self.ends - time.monotonic()

    def part(self, name: str, needs: float, run: Callable[[], Any]) -> None:
        """Runs one part if `needs` seconds are left, and writes what is known by then."""
        if self.left() < needs:
            self.found[name] = f"left out: {self.left():.0f} s were left"
        else:
            start = time.monotonic()
            try:
                self.found[name] = run()
            except Exception as error:  # the other parts still tell something
                self.found[name] = f"failed: {type(error).__name__}: {error}"[:2000]
            self.parts[name] = time.monotonic() - start
            print(f"[{self.parts[name]:5.1f} s] {name}", flush=True)
        self.found["seconds"] = self.parts
        (self.out / "prefix_gpu.json").write_text(json.dumps(self.found, indent=1, default=str))

    def machine(self) -> dict[str, Any]:
        """Versions, the card, and its two ceilings."""
        n = 64 if self.tiny else 8192
        a, b = (torch.randn(n, n, device=self.device, dtype=torch.bfloat16) for _ in range(2))
        self.rate = 2 * n**3 / self._clock(lambda: a @ b, 5, 20)
        big = torch.randn(2**12 if self.tiny else 2**30, device=self.device, dtype=torch.bfloat16)
        copied = 4 * big.numel() / self._clock(big.clone, 2, 5)
        card = "cpu" if self.tiny else torch.cuda.get_device_name()
        return {
            "card": card, "torch": torch.__version__, "transformers": transformers.__version__,
            "trl": _version("trl") if HAVE_TRL else f"none, a plain forward stands in: {NO_TRL}",
            "triton": _version("triton"), "fused_join": self._fused_join(), "matmul_tflops": self.rate / 1e12,
            "copy_tb_s": copied / 1e12, "memory_gb": 0 if self.tiny else torch.cuda.mem_get_info()[1] / 1e9,
        }  # fmt: skip

    def _fused_join(self) -> str:
        """Whether the kernel that joins attentions runs; if not, the plain way is put in its place."""
        if self.tiny:
            return "on CUDA only"
        inputs = [torch.randn(1, heads, 300, 128, device="cuda", dtype=torch.bfloat16) for heads in (32, 8, 8)]
        try:
            packed_attention(inputs[0], inputs[1], inputs[2], PrefixPlan((100,), ((150, 50),)), 0.1)
            torch.cuda.synchronize()
        except Exception as error:  # a compiler's errors have no common type, and the rest is worth measuring
            joining.join_outputs_fused = joining.join_outputs
            return f"failed: {error}"[:500]
        return "runs"

    def build(self) -> dict[str, Any]:
        """Makes the model, and compares both ways once."""
        self.model = make_model(self.config, self.device, torch.bfloat16)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-6, fused=not self.tiny)
        install_shared(self.model)
        self.shared = SharedPrefix(self.model, longest=100_000, mode="on")
        self.attention_name = self.model.config._attn_implementation
        self.checkpointing(True)
        p = 96 if self.tiny else 2048
        batch = make_batch(p, [p // 4, p // 8], self.config.vocab_size, self.device)
        self._shared_scores(batch)
        assert self.shared.agreement is not None
        return {"parameters": sum(p.numel() for p in self.model.parameters()), "agreement": str(self.shared.agreement)}

    def checkpointing(self, on: bool) -> None:
        """Turns gradient checkpointing on, as TRL's trainers have it, or off."""
        if on:
            self.model.gradient_checkpointing_enable({"use_reentrant": False})
        else:
            self.model.gradient_checkpointing_disable()

    def case(self, case: Case, ways: Sequence[str] = ("shared", "trl")) -> dict[str, Any]:
        """Times one group in both ways."""
        batch = make_batch(case.prompt, case.answers, self.config.vocab_size, self.device)
        groups = read_groups(batch)
        assert groups is not None
        (row,) = pack_rows([rows.group for rows in groups], sys.maxsize)
        works = {"shared": shared_work(row.plan), "trl": trl_work(batch)}
        found: dict[str, Any] = {"case": case._asdict()}
        for way in ways:
            runs = case.trl_runs if way == "trl" else case.shared_runs
            try:
                found[way] = self._way(way, batch, runs, works[way])
            except Exception as error:  # the other way still tells something
                self.model.zero_grad(set_to_none=True)
                found[way] = f"failed: {type(error).__name__}: {error}"[:2000]
        if all(isinstance(found.get(way), dict) for way in ("shared", "trl")):
            found["speedup"] = found["trl"]["seconds"] / found["shared"]["seconds"]
            found["token_ratio"] = works["trl"].tokens / works["shared"].tokens
            found["flop_ratio"] = works["trl"].flops(self.config) / works["shared"].flops(self.config)
        return found

    def _way(self, way: str, batch: PaddedBatch, runs: int, work: Work) -> dict[str, Any]:
        micro = len(batch.ids)
        while True:
            try:
                if not self.tiny:
                    torch.cuda.empty_cache()
                    torch.cuda.reset_peak_memory_stats()
                self._step(way, batch, micro)
                times = [self._clock(lambda: self._step(way, batch, micro), 0, 1) for _ in range(runs)]  # noqa: B023
                break
            except torch.cuda.OutOfMemoryError:
                self.model.zero_grad(set_to_none=True)
                if way == "shared" or micro == 1:
                    raise
                micro //= 2
        seconds = statistics.median(times)
        needed = 3 * work.flops(self.config)
        peak = 0.0 if self.tiny else torch.cuda.max_memory_allocated() / 1e9
        return {
            "seconds": seconds, "all": times, "micro_batch_rows": micro, "tokens": work.tokens,
            "tokens_s": work.tokens / seconds, "equivalent_tokens_s": batch.mask.numel() / seconds,
            "samples_s": len(batch.ids) / seconds, "pflop": needed / 1e15, "tflops": needed / seconds / 1e12,
            "mfu_of_989": needed / seconds / 989e12, "over_floor": seconds * self.rate / needed, "peak_gb": peak,
        }  # fmt: skip

    def _step(self, way: str, batch: PaddedBatch, micro: int) -> None:
        # TRL's way goes not even by the attention that hands over to transformers' own without a plan.
        self.model.config._attn_implementation = "sdpa" if way == "trl" else self.attention_name
        n = len(batch.ids)
        for start in range(0, n, micro):
            rows = slice(start, start + micro)
            part = batch.rows(start, start + micro)
            scores = self._shared_scores(part) if way == "shared" else trl_scores(self.model, part)[0]
            policy_loss(scores, part.answers_mask, rows, n).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0, foreach=True)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def _shared_scores(self, batch: PaddedBatch) -> torch.Tensor:
        def plain(model: Any, ids: Any, mask: Any, n_answer: int, **_: Any) -> Any:
            return *trl_scores(model, PaddedBatch(ids, mask, n_answer)), None

        scores, _, _ = self.shared.score(
            plain, self.model, batch.ids, batch.mask, batch.n_answer, compute_entropy=True
        )
        return scores

    def without_checkpointing(self, case: Case) -> dict[str, Any]:
        """Our way, all activations kept: fewer tokens make room for them."""
        self.checkpointing(False)
        try:
            return self.case(case, ("shared",))
        finally:
            self.checkpointing(True)

    def profile(self, case: Case) -> dict[str, Any]:
        """Where the time of one of our steps goes, by kernel."""
        batch = make_batch(case.prompt, case.answers, self.config.vocab_size, self.device)
        self._step("shared", batch, len(batch.ids))
        kinds = [torch.profiler.ProfilerActivity.CPU] if self.tiny else [torch.profiler.ProfilerActivity.CUDA]
        with torch.profiler.profile(activities=kinds) as profile:
            self._step("shared", batch, len(batch.ids))
            self._wait()
        return prefix_attention.kernel_shares(profile, self.tiny)

    def attention(self, case: Case) -> dict[str, Any]:
        """Ways to compute one layer's attention of a packed row."""
        return prefix_attention.compare(self.config, case.prompt, case.answers, self.device, self._clock)

    def _clock(self, run: Callable[[], Any], warm: int, times: int) -> float:
        """Median seconds of `run`."""
        for _ in range(warm):
            run()
        seconds = []
        for _ in range(times):
            self._wait()
            start = time.perf_counter()
            run()
            self._wait()
            seconds.append(time.perf_counter() - start)
        return statistics.median(seconds)

    def _wait(self) -> None:
        if not self.tiny:
            torch.cuda.synchronize()


def _version(name: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _show(found: dict[str, Any]) -> None:
    print(json.dumps({name: found.get(name) for name in ("machine", "model", "exactness", "attention", "profile")},
                     indent=None, default=str))  # fmt: skip
    print("case: way seconds | tokens/s, equivalent | TFLOP/s, MFU of 989 | over floor | peak GB | micro-batch rows")
    for name, part in found.items():
        if not isinstance(part, dict) or "case" not in part:
            if isinstance(part, str):
                print(f"{name}: {part}")
            continue
        for way in ("trl", "shared"):
            row = part.get(way)
            if isinstance(row, str):
                print(f"{name}: {way:6} {row[:300]}")
            elif row is not None:
                print(
                    f"{name}: {way:6} {row['seconds']:7.3f} | {row['tokens_s']:8.0f} "
                    f"{row['equivalent_tokens_s']:8.0f} | {row['tflops']:5.0f} {row['mfu_of_989']:6.1%} | "
                    f"{row['over_floor']:5.2f} | {row['peak_gb']:6.1f} | {row['micro_batch_rows']}"
                )
        if "speedup" in part:
            ratios = f"tokens {part['token_ratio']:.2f}×, FLOPs {part['flop_ratio']:.2f}×"
            print(f"{name}: {part['speedup']:.2f}× ({ratios})")


def main() -> int:
    """Runs the parts in the order of what they tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=240.0, help="time for all parts")
    parser.add_argument("--tiny", action="store_true", help="tiny shapes on the CPU, to see that it runs")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", ".")))
    options = parser.parse_args()
    bench = Bench(options.tiny, options.seconds, options.out)
    first, *others = cases(options.tiny)
    bench.part("machine", 5, bench.machine)
    bench.part("exactness", 10, lambda: prefix_exact.compare(bench.device, options.tiny))
    bench.part("attention", 10, lambda: bench.attention(first))
    bench.part("model", 15, bench.build)
    bench.part(first.name, 30, lambda: bench.case(first))
    bench.part("profile", 15, lambda: bench.profile(first))
    bench.part("no checkpointing", 15, lambda: bench.without_checkpointing(first))
    for case, needs in zip(others, (40, 20, 30, 15), strict=True):
        bench.part(case.name, needs, lambda case=case: bench.case(case))  # type: ignore[misc]
    _show(bench.found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
