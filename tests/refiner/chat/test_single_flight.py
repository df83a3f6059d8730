"""Equal work at once is done once, for everybody who waits for it."""

import asyncio

import pytest

from citerefine.refiner.chat.single_flight import SingleFlight


class Work:
    """Work that takes a moment and counts how often it began and ended."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun = self.ended = 0
        self._error = error

    async def __call__(self) -> int:
        self.begun += 1
        await asyncio.sleep(0.02)
        self.ended += 1
        if self._error:
            raise self._error
        return self.begun


def test_one_does_the_work_and_the_others_join() -> None:
    async def run() -> None:
        work, flights = Work(), SingleFlight[int]()
        shared = await asyncio.gather(*(flights.run("k", work) for _ in range(5)))
        assert [result.value for result in shared] == [1] * 5
        assert sorted(result.taken for result in shared) == [False, True, True, True, True]
        assert (await flights.run("k", work)).value == 2  # nothing is kept once it is done

    asyncio.run(run())


def test_other_keys_are_other_work() -> None:
    async def run() -> None:
        work, flights = Work(), SingleFlight[int]()
        await asyncio.gather(flights.run("a", work), flights.run("b", work))
        assert work.begun == 2

    asyncio.run(run())


def test_a_failure_is_everybodys() -> None:
    async def run() -> None:
        work, flights = Work(ValueError("no")), SingleFlight[int]()
        results = await asyncio.gather(*(flights.run("k", work) for _ in range(3)), return_exceptions=True)
        assert all(isinstance(result, ValueError) for result in results)
        assert work.begun == 1

    asyncio.run(run())


@pytest.mark.parametrize("leaver", [0, 1], ids=["who began it", "who joined"])
def test_one_who_leaves_does_not_stop_the_work(leaver: int) -> None:
    async def run() -> None:
        work, flights = Work(), SingleFlight[int]()
        tasks = [asyncio.create_task(flights.run("k", work)) for _ in range(2)]
        await asyncio.sleep(0)
        tasks[leaver].cancel()
        result = await tasks[1 - leaver]
        assert result == (1, False)  # whoever is left is the first to take it
        assert tasks[leaver].cancelled()

    asyncio.run(run())


def test_work_that_nobody_waits_for_is_stopped_and_begun_anew_for_the_next() -> None:
    async def run() -> None:
        work, flights = Work(), SingleFlight[int]()
        task = asyncio.create_task(flights.run("k", work))
        await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await flights.run("k", work)).value == 2
        assert (work.begun, work.ended) == (2, 1)

    asyncio.run(run())
