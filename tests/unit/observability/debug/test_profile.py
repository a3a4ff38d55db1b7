"""Profiles show where threads spend their time, in the formats of other tools."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator

import pytest

from app.observability.debug import flame_graph, profile


def blocked(gate: threading.Event) -> None:
    """Wait in a function with a recognizable name."""
    gate.wait()


@pytest.fixture(scope="module")
def taken() -> Iterator[profile.Profile]:
    """Return a profile of a waiting thread."""
    gate = threading.Event()
    thread = threading.Thread(target=blocked, args=(gate,), name="</script>")
    thread.start()
    yield profile.taken(0.3)
    gate.set()
    thread.join()


def test_each_thread_is_seen_in_the_function_where_it_waits(taken: profile.Profile) -> None:
    samples = taken.seen["</script>"]
    assert all("blocked" in {frame.name for frame in stack} for stack, _ in samples)
    assert sum(weight for _, weight in samples) == pytest.approx(0.3, rel=0.5)
    assert len(samples) > 3


def test_the_profiling_thread_is_left_out(taken: profile.Profile) -> None:
    assert "taken" not in {frame.name for stack, _ in taken.seen.get("MainThread", []) for frame in stack}


def test_collapsed_format(taken: profile.Profile) -> None:
    lines = taken.collapsed().splitlines()
    assert all(re.fullmatch(r".+ \d+", line) for line in lines)
    assert any(line.startswith("</script>;") and "blocked (" in line for line in lines)


def test_speedscope_format(taken: profile.Profile) -> None:
    """Its file-format-schema.json: a sampled profile has as many weights as samples, of indexes into shared frames."""
    file = json.loads(json.dumps(taken.speedscope()))
    assert file["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    assert "</script>" in {each["name"] for each in file["profiles"]}
    for each in file["profiles"]:
        assert (each["type"], each["unit"], each["startValue"]) == ("sampled", "seconds", 0)
        assert len(each["samples"]) == len(each["weights"])
        assert each["endValue"] == pytest.approx(sum(each["weights"]))
        assert all(0 <= index < len(file["shared"]["frames"]) for stack in each["samples"] for index in stack)
    assert all(set(frame) == {"name", "file", "line"} for frame in file["shared"]["frames"])


def test_the_page_loads_nothing_and_allows_nothing_else(taken: profile.Profile) -> None:
    page = flame_graph.page(taken)
    inline = re.findall(r"<(script|style)>(.*?)</\1>", page, re.DOTALL)
    assert [kind for kind, _ in inline] == ["style", "script"]
    for kind, text in inline:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in page
    assert not re.search(r"\b(src|href)=", page)
    assert " style=" not in page
    data = re.search(r'<script type="application/json" id="profile">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    assert "</script>" in {each["name"] for each in json.loads(data[1])["calls"]}


def test_the_times_of_the_tree_add_up(taken: profile.Profile) -> None:
    def check(node: dict) -> None:
        assert sum(each["seconds"] for each in node["calls"]) <= node["seconds"] + 0.01
        for each in node["calls"]:
            check(each)

    check(taken.tree())
