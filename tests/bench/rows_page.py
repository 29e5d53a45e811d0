"""The rows of the page: a real observer, a real Chromium, and a page without any library as the floor (page/vanilla.html)."""
import json
import os
import pathlib
import subprocess

import lib
import rows_list
from lib import PREFIX, Failed, median, p99
from rows import Row

HERE = pathlib.Path(__file__).resolve().parent
RUN = HERE.parent / "browser" / "run"
PAGE_PREFIX = f"{os.path.dirname(PREFIX)}-page"
MANY_PREFIX = f"{os.path.dirname(PREFIX)}-page-many"
GROWTH_PREFIX = f"{os.path.dirname(PREFIX)}-page-growth"
NO_LIMIT = None


def modules(place):
    """The folder of the driver of the browser, installed where the tests of the page have it."""
    done = subprocess.run([RUN, "--modules"], env={**os.environ, "OUTRIDER_BINARY": str(place.agent)}, capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise Failed(done.stdout.strip() or done.stderr.strip())
    return done.stdout.split()


def measure(place, options, port, prefix, parts, types, fill, rate):
    """What page/measure.mjs has measured, by part."""
    chromium, packages = modules(place)
    order = {"url": f"http://127.0.0.1:{port}", "etcd": place.endpoint, "prefix": prefix, "types": types, "here": str(HERE / "page"),
             "rounds": options.page_rounds, "seconds": options.page_seconds, "growth": options.page_growth, "rate": rate,
             "changes": options.page_changes, "parts": parts, "fill": fill}
    # Modules are found from the folder of the file that imports them.
    script = pathlib.Path(packages).parent / "measure.mjs"
    script.write_bytes((HERE / "page" / "measure.mjs").read_bytes())
    done = subprocess.run(["node", script, json.dumps(order)], env={**os.environ, "CHROMIUM": chromium}, capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise Failed(done.stderr.strip()[-600:])
    return json.loads(done.stdout)


def pair(name, unit, samples, limit, note="", value_limit=None):
    """A row of interleaved samples; `value_limit`: of the value itself, in the note."""
    value, floor = median(samples["page"]), median(samples["floor"])
    if value_limit is not None:
        note = f"limit {value_limit} {unit}{': over' if value > value_limit else ''} {note}".rstrip()
    return Row(name, unit, value, p99(samples["page"]), len(samples["page"]), floor, limit, note=note)


def first_tables(done):
    yield pair("page: first table, 5,000 servers", "ms", done["cold"], 1.5, value_limit=700)
    slow = done["slow"]
    for which, limit in (("first", 4000), ("second", 2000)):
        what = "empty cache" if which == "first" else "again"
        yield pair(f"page: the same, slow 4G and CPU/4, {what}", "ms",
                   {kind: [each[which] for each in slow[kind]] for kind in slow}, NO_LIMIT, value_limit=limit)


def main_thread(done, name, busy_limit, script_limit):
    busy = done["busy"]
    share = {kind: [100 * each["busy"] for each in busy[kind]] for kind in busy}
    page = busy["page"]
    tasks = sum(len(each["longTasks"]) for each in page)
    yield pair(f"page: main thread, {name}", "%", share, 1.5, value_limit=busy_limit,
               note=f"{median([each['rate'] for each in page]):.0f} changes/s; long tasks {tasks}, of the floor "
                    f"{sum(len(each['longTasks']) for each in busy['floor'])}")
    yield Row(f"page: script, {name}", "%", median([100 * each["script"] for each in page]), n=len(page), limit=script_limit,
              note=f"floor {median([100 * each['script'] for each in busy['floor']]):.2f}")
    yield Row(f"page: heap, {name}", "MB", median([each["heap"] for each in page]) / 1e6, n=len(page), limit=20,
              note=f"floor {median([each['heap'] for each in busy['floor']]) / 1e6:.1f}")


def tail(name, samples, limit):
    ordered = sorted(samples["page"][0])
    return Row(name, "ms", median(ordered), p99(ordered), len(ordered), limit=limit,
               note=f"p95 {ordered[int(0.95 * (len(ordered) - 1))]:.0f}; floor {median(samples['floor'][0]):.0f}")


def page(place, options):
    """5,000 servers, 200 changes a second."""
    port = lib.free_ports(1)[0]
    rows_list.fill(place, PAGE_PREFIX)
    observer = rows_list.observer(place, PAGE_PREFIX, port)
    types = {"world": 1000, "lobby": rows_list.RECORDS - 1000}
    done = measure(place, options, port, PAGE_PREFIX, ["cold", "slow", "busy", "scroll", "status", "players"], types, False, 200)
    yield from first_tables(done)
    yield from main_thread(done, "5,000 x 200/s", 12, 2)
    scroll = done["scroll"]
    yield Row("page: frames/s while it scrolls, CPU/4", "1/s", median(scroll["page"]), n=len(scroll["page"]),
              note=f"at least 50; floor {median(scroll['floor']):.0f}")
    yield tail("page: a status, from the stream to the page", done["status"], 20)
    yield tail("page: players, from the stream to the page", done["players"], 270)
    place.stop(observer)


def page_many(place, options):
    """10,000 servers, 1,000 changes a second."""
    port = lib.free_ports(1)[0]
    types = {"world": 5000, "lobby": 5000}
    observer = rows_list.observer(place, MANY_PREFIX, port, records=0)
    done = measure(place, options, port, MANY_PREFIX, ["busy"], types, True, 1000)
    yield from main_thread(done, "10,000 x 1,000/s", 15, NO_LIMIT)
    place.stop(observer)


def page_growth(place, options):
    """The heap of a page that stays open: 5,000 servers, 200 changes a second, as long as --page-growth says."""
    port = lib.free_ports(1)[0]
    types = {"world": 1000, "lobby": 4000}
    observer = rows_list.observer(place, GROWTH_PREFIX, port, records=0)
    done = measure(place, options, port, GROWTH_PREFIX, ["growth"], types, True, 200)["growth"]
    before, *heaps = [each / 1e6 for each in done["heaps"]]
    yield Row(f"page: heap after {done['changes']} changes / before", "", heaps[-1] / before, n=len(heaps), limit=1.1,
              note=f"{before:.1f} MB before; then {', '.join(f'{each:.1f}' for each in heaps)}")
    place.stop(observer)


ROWS = {"page": page, "page_many": page_many, "page_growth": page_growth}
