"""Where schemas come from: folders, registries, and which of them is asked first."""

import json
import threading
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from iglu_documents import Clock, Shelf, Web, document, key, schema
from snowmelt.iglu.allowance import Allowance
from snowmelt.iglu.folder import SchemaFolder
from snowmelt.iglu.http_registry import LONGEST_PAUSE, Answer, HttpRegistry
from snowmelt.iglu.local import LocalRegistry, SchemaExists
from snowmelt.iglu.repository import Absence, Place
from snowmelt.iglu.resolver import FRESH_SECONDS, Resolver
from snowmelt.iglu.schema import Schema, UnusableSchema

ORDER = key()


# Folders


def put(folder: Path, text: bytes, place: str = "com.acme/order/jsonschema/1-0-0") -> Path:
    file = folder / "schemas" / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text)
    return file


def test_a_folder_gives_what_is_in_its_files_now(tmp_path: Path) -> None:
    folder = SchemaFolder(tmp_path, Place("files"))
    assert folder.look_up(ORDER).trouble == "missing"
    file = put(tmp_path, document())
    first = folder.look_up(ORDER)
    assert isinstance(first, Schema)
    assert folder.look_up(ORDER) is first, "it is not read and compiled again"
    put(tmp_path, document(type="string"))
    assert not folder.look_up(ORDER).compiled.is_valid(1)
    put(tmp_path, b"{")
    assert folder.look_up(ORDER).trouble == "unusable"
    file.unlink()
    assert folder.look_up(ORDER).trouble == "missing"
    file.mkdir()
    assert folder.look_up(ORDER).trouble == "unusable"


def test_a_folder_lists_what_lies_where_schemas_lie(tmp_path: Path) -> None:
    for place in ("com.acme/order/jsonschema/10-0-0", "com.acme/order/jsonschema/2-0-0", "com.acme/readme",
                  "com.acme/order/jsonschema/notes.txt", "a/b/c/1-0-0/d"):  # fmt: skip
        put(tmp_path, b"", place)
    assert [each.version for each in SchemaFolder(tmp_path, Place("files")).schema_keys()] == ["2-0-0", "10-0-0"]


def test_two_who_add_the_same_schema_do_not_both_win(tmp_path: Path) -> None:
    registry = LocalRegistry(tmp_path / "iglu")
    outcomes: list[str] = []
    start = threading.Barrier(8)

    def add(number: int) -> None:
        start.wait()
        try:
            outcomes.append(registry.add(schema(title=str(number))))
        except SchemaExists:
            outcomes.append("refused")

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["added", *["refused"] * 7]
    assert [path.name for path in (tmp_path / "iglu").rglob("*") if path.is_file()] == ["1-0-0"]


def test_what_cannot_judge_is_not_added(tmp_path: Path) -> None:
    registry = LocalRegistry(tmp_path)
    with pytest.raises(UnusableSchema):
        registry.add(schema(type="nonsense"))
    assert list(registry.schema_keys()) == []


# Registries over HTTP


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def web(clock: Clock) -> Web:
    return Web(clock)


@pytest.fixture
def registry(web: Web, clock: Clock) -> HttpRegistry:
    return HttpRegistry(Place("web"), "http://iglu.test/", web, Allowance(5.0, 0.1), clock=clock)


def test_answers_are_remembered_for_a_while(registry: HttpRegistry, web: Web, clock: Clock) -> None:
    assert registry.look_up(ORDER).trouble == "missing"
    web.put(ORDER)
    clock.now += 59
    assert registry.look_up(ORDER).trouble == "missing"
    clock.now += 2
    found = registry.look_up(ORDER)
    assert isinstance(found, Schema)
    clock.now += 599
    assert registry.look_up(ORDER) is found
    assert len(web.asked) == 2
    clock.now += 2
    assert registry.look_up(ORDER) is found, "the same document is the same schema"
    assert len(web.asked) == 3
    web.put(ORDER, type="string")
    clock.now += 601
    assert not registry.look_up(ORDER).compiled.is_valid(1)
    assert web.asked[0] == "http://iglu.test/schemas/com.acme/order/jsonschema/1-0-0"


def test_who_wants_to_know_anew_is_not_told_that_a_schema_was_missing(
    registry: HttpRegistry, web: Web, clock: Clock
) -> None:
    web.put(key("other"))
    other = registry.look_up(key("other"))
    assert registry.look_up(ORDER).trouble == "missing"
    web.put(ORDER)
    registry.look_anew()
    assert isinstance(registry.look_up(ORDER), Schema)
    assert registry.look_up(key("other")) is other
    assert len(web.asked) == 3, "what was found is not asked for"
    web.fails = lambda: OSError("no route to host")
    registry.look_up(key("third"))
    registry.look_anew()
    assert registry.look_up(key("third")).trouble == "unreachable"
    assert len(web.asked) == 4, "one that is down is left alone all the same"


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503, 301])
def test_a_registry_that_does_not_answer_is_left_alone_longer_each_time(
    registry: HttpRegistry, web: Web, clock: Clock, status: int
) -> None:
    url = f"http://iglu.test/schemas/{'/'.join(ORDER)}"
    web.serves[url] = Answer(status, b"")
    first = registry.look_up(ORDER)
    assert (first.trouble, first.since) == ("unreachable", clock.now)
    assert registry.look_up(key("other")) == first, "nothing else is asked for either"
    assert len(web.asked) == 1
    pauses = []
    for _ in range(8):
        asked, began = len(web.asked), clock.now
        while len(web.asked) == asked:
            clock.now += 0.5
            assert registry.look_up(ORDER).since == first.since
        pauses.append(clock.now - began)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, *[LONGEST_PAUSE] * 3]
    web.put(ORDER)
    clock.now += LONGEST_PAUSE
    assert isinstance(registry.look_up(ORDER), Schema)
    assert registry.look_up(key("other")).trouble == "missing", "and is asked at once again"


def test_what_was_found_stays_in_use_while_the_registry_is_down(registry: HttpRegistry, web: Web, clock: Clock) -> None:
    web.put(ORDER)
    found = registry.look_up(ORDER)
    web.fails = lambda: OSError("no route to host")
    clock.now += 10_000
    assert registry.look_up(ORDER) is found
    assert registry.look_up(key("other")).trouble == "unreachable"
    assert "no route to host" in registry.look_up(key("other")).message


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", document(key("another")), document(type="string") + b"x"])
def test_garbage_is_no_schema_and_says_nothing_of_others(registry: HttpRegistry, web: Web, body: bytes) -> None:
    web.serves[f"http://iglu.test/schemas/{'/'.join(ORDER)}"] = Answer(200, body)
    web.put(key("other"))
    assert registry.look_up(ORDER).trouble == "unusable"
    assert isinstance(registry.look_up(key("other")), Schema)


def test_made_up_schemas_cost_a_bounded_share_of_the_time(registry: HttpRegistry, web: Web, clock: Clock) -> None:
    web.put(ORDER)
    known = registry.look_up(ORDER)
    web.takes = 0.05
    waited, began = 0.0, clock.now
    while clock.now - began < 1_000:
        before = clock.now
        registry.look_up(key(f"made_up_{len(web.asked)}_{clock.now}"))
        waited += clock.now - before
        assert registry.look_up(ORDER) is known
        clock.now += 0.01
    assert 95 < waited < 106, "a tenth of it, and five seconds that were saved"
    assert registry.look_up(key("now")).trouble == "busy"


def test_a_request_that_hangs_is_not_waited_for() -> None:
    release = threading.Event()

    def hang(url: str) -> Answer:
        assert release.wait(20)
        return Answer(404, b"")

    clock = Clock()
    registry = HttpRegistry(Place("web"), "http://iglu.test", hang, Allowance(), timeout=0.01, clock=clock)
    reasons = []
    for number in range(6):
        reasons.append(registry.look_up(key(f"n{number}")).message)
        clock.now += 100
    release.set()
    assert reasons == ["no answer within 0.01 s"] * 4 + ["4 requests hang already"] * 2


class RememberingMachine(RuleBasedStateMachine):
    """A registry that is remembered is as good as one that is asked, but for what it says it may be late about."""

    NAMES = ("a", "b", "c")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.web = Web(self.clock)
        self.registry = HttpRegistry(
            Place("web"), "http://iglu.test", self.web, Allowance(1e9, 1.0), found_seconds=600, missing_seconds=60,
            size=2, clock=self.clock,
        )  # fmt: skip
        self.true_since: dict[str, list[tuple[float, str | None]]] = {name: [(0.0, None)] for name in self.NAMES}
        self.down = False
        self.was_down, self.down_until = False, 0.0

    @rule(name=st.sampled_from(NAMES), title=st.sampled_from([None, "x", "y"]))
    def change(self, name: str, title: str | None) -> None:
        url = f"http://iglu.test/schemas/{'/'.join(key(name))}"
        if title is None:
            self.web.serves.pop(url, None)
        else:
            self.web.put(key(name), title=title)
        self.true_since[name].append((self.clock.now, title))

    @rule(seconds=st.sampled_from([0.5, 5.0, 31.0, 61.0, 601.0]))
    def pass_time(self, seconds: float) -> None:
        if self.down:
            self.down_until = self.clock.now + seconds
        self.clock.now += seconds

    @rule(down=st.booleans())
    def break_or_mend(self, down: bool) -> None:
        if self.down and not down:
            self.down_until = self.clock.now
        self.down = down
        self.was_down = self.was_down or down
        self.web.fails = (lambda: OSError("down")) if down else None

    @rule(name=st.sampled_from(NAMES))
    def ask(self, name: str) -> None:
        found = self.registry.look_up(key(name))
        if isinstance(found, Absence) and found.trouble == "unreachable":
            assert self.down or self.clock.now <= self.down_until + LONGEST_PAUSE, "it has been up for long enough"
            return
        title = json.loads(found.text)["title"] if isinstance(found, Schema) else None
        late = 600.0 if title else 60.0
        steady = not self.down and self.clock.now > self.down_until + late + LONGEST_PAUSE
        # What was known before it was down may hold on for as long as it is.
        oldest = self.clock.now - late if steady or not self.was_down else 0.0
        history = self.true_since[name]
        ends = [*(began for began, _ in history[1:]), self.clock.now]
        held = {told for (_, told), end in zip(history, ends, strict=True) if end >= oldest}
        assert title in held, (title, history, self.clock.now)

    @invariant()
    def never_asks_twice_at_once(self) -> None:
        assert len(self.registry._found) <= 2
        assert len(self.registry._absent) <= 2


TestRemembering = RememberingMachine.TestCase


# Several together


def test_repositories_are_asked_by_vendor_then_priority_then_name() -> None:
    first = Shelf("first", 99)
    shelves = [
        Shelf("b", 1), Shelf("a", 1), Shelf("urgent", 0), Shelf("theirs", 50, "com.other"), Shelf("ours", 50, "com.ac"),
    ]  # fmt: skip
    resolution = Resolver([first], shelves).resolve(ORDER)
    assert [name for name, _ in resolution.absences] == ["first", "ours", "urgent", "a", "b", "theirs"]
    assert resolution.trouble == "missing"


def test_an_answer_holds_for_a_second_and_then_the_better_place_counts() -> None:
    clock = Clock()
    local, central = Shelf("local"), Shelf("central")
    central.has[ORDER] = schema(title="central")
    resolver = Resolver([local], [central], clock=clock)
    assert resolver.resolve(ORDER).schema is central.has[ORDER]
    local.has[ORDER] = schema(title="local")
    assert resolver.resolve(ORDER).schema is central.has[ORDER]
    assert len(central.asked) == 1
    clock.now += FRESH_SECONDS
    assert resolver.resolve(ORDER).schema is local.has[ORDER]
    del local.has[ORDER], central.has[ORDER]
    clock.now += FRESH_SECONDS
    assert resolver.resolve(ORDER).schema is None


def test_one_that_does_not_answer_outweighs_one_that_has_nothing() -> None:
    down, other = Shelf("down"), Shelf("other")
    down.has[ORDER] = Absence("unreachable", "x", since=5.0)
    resolver = Resolver([], [down, other])
    assert (resolver.resolve(ORDER).trouble, resolver.resolve(ORDER).unreachable_since) == ("unreachable", 5.0)
    other.has[ORDER] = schema()
    assert Resolver([], [down, other]).resolve(ORDER).schema is other.has[ORDER], "unless somebody has it"


def test_made_up_schemas_do_not_drive_out_the_others() -> None:
    shelf = Shelf()
    shelf.has[ORDER] = schema()
    resolver = Resolver([shelf], size=3, clock=Clock())
    resolver.resolve(ORDER)
    for number in range(100):
        resolver.resolve(key(f"made_up_{number}"))
    shelf.asked.clear()
    resolver.resolve(ORDER)
    assert shelf.asked == []
    assert len(resolver._absent) == 3
