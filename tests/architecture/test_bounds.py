"""Nothing grows without end: every queue has a bound, and the page of limits tells the truth."""

from tests.architecture.bounds import BOUNDS, PAGE, Queue, page, queues
from tests.architecture.source import SHIPPED, Source, sources

UNBOUNDED = """
class Keeper:
    def __init__(self):
        self._kept: deque[int] = deque()
        self._newest = deque(maxlen=KEPT_MAX)
        self._work = asyncio.Queue()
"""


def test_queues_are_found_with_and_without_a_bound():
    assert list(queues(Source("a.py", UNBOUNDED))) == [
        Queue("a.py::_kept", 4, ""),
        Queue("a.py::_newest", 5, "KEPT_MAX"),
        Queue("a.py::_work", 6, ""),
    ]


def test_every_queue_has_a_bound_and_no_bound_outlives_its_queue():
    found = [queue for source in sources(*SHIPPED) for queue in queues(source)]

    unbounded = {queue.place for queue in found if not queue.maxlen}
    assert unbounded - set(BOUNDS) == set(), "name its bound in tests/architecture/bounds.py"
    assert set(BOUNDS) - unbounded == set(), "these are gone or have a maxlen now"


def test_the_page_is_what_the_code_says():
    told = "run: python -m tests.architecture.bounds"
    assert PAGE.read_text("utf-8") == page(), told
