"""Every checker passes a good ledger and finds the fault put into it: a checker that cannot fail is worthless."""

from dataclasses import replace

from support import checkers
from support.client import Saw
from support.ledger import Granted, Ledger, Service, SlotFree, Wait, read_token
from support.process import Line

CAPS = {"a": 1, "b": 2}


def wait(n, tenant, began, ended, pattern="AppA:x"):
    return Wait(f"w{n}", "g1", tenant, f"{pattern}|||raw", f"c{n}", began, 100 + n, ended, "done", 1)


def grant(n, slot, token, at):
    return Granted(f"w{n}", f"w{n}.1", "k1", slot, (1, token), at)


def service(n, slot, token, began, ended, pool="AppA:x|||raw"):
    return Service(f"w{n}.1", "k1", slot, pool, (1, token), began, ended)


def saw(n, tenant):
    return Saw(f"c{n}", tenant, "/pool/AppA:x", status=101, echoed=5)


def good() -> Ledger:
    """Two slots; a1, a2 of tenant a (cap 1), b3 of tenant b: b3 passes a2, whose tenant is at its cap."""
    return Ledger(
        saws=[saw(1, "a"), saw(2, "a"), saw(3, "b")],
        waits=[wait(1, "a", 0.0, 5.0), wait(2, "a", 0.1, 9.0), wait(3, "b", 0.2, 4.0)],
        grants=[grant(1, 0, 1, 0.01), grant(3, 1, 2, 0.21), grant(2, 1, 3, 5.02)],
        services=[service(1, 0, 1, 0.02, 5.0), service(3, 1, 2, 0.22, 4.0), service(2, 1, 3, 5.03, 9.0)],
        free=[SlotFree("k1", 0, "AppA:x|||raw", -1, 0.01), SlotFree("k1", 1, "AppA:x|||raw", 4.1, 5.02)],
    )


def test_a_good_ledger_has_no_finding():
    assert checkers.all_of(good(), CAPS, expected=3) == []


def test_served_once_finds_a_client_refused():
    ledger = good()
    ledger.saws[0].status = 503
    assert "was not served" in checkers.served_once(ledger)[0]


def test_served_once_finds_a_client_missing():
    assert checkers.served_once(good(), expected=4) == ["3 clients, not 4"]


def test_served_once_finds_a_session_for_nobody():
    ledger = good()
    ledger.services.append(service(9, 0, 9, 20, 21))
    assert checkers.served_once(ledger) == ["session w9.1 belongs to no waiter"]


def test_served_once_finds_a_client_without_session():
    ledger = good()
    del ledger.services[0]
    assert checkers.served_once(ledger) == ["c1 has 0 sessions at workers"]


def test_one_session_each_finds_a_waiter_served_twice():
    ledger = good()
    ledger.services.append(replace(service(1, 1, 8, 20, 21), lease="w1.2"))
    assert "served twice" in checkers.one_session_each(ledger)[0]


def test_one_session_each_finds_two_ends():
    ledger = good()
    ledger.waits[0] = replace(ledger.waits[0], endings=2)
    assert checkers.one_session_each(ledger) == ["waiter w1 ended 2 times"]


def test_slots_serve_one_finds_an_overlap():
    ledger = good()
    ledger.services[2] = service(2, 1, 3, 3.9, 9.0)
    assert "before w3.1 ended" in checkers.slots_serve_one(ledger)[0]


def test_slots_serve_one_finds_a_session_that_never_ended():
    ledger = good()
    ledger.services[1] = service(3, 1, 2, 0.22, float("inf"))
    assert len(checkers.slots_serve_one(ledger)) == 1


def test_tokens_increase_finds_an_old_token():
    ledger = good()
    ledger.services[2] = replace(ledger.services[2], token=(1, 2))
    assert "token (1, 2) after (1, 2)" in checkers.tokens_increase(ledger)[0]


def test_a_new_epoch_outranks_any_number():
    ledger = good()
    ledger.services[2] = replace(ledger.services[2], token=(2, 1))
    assert checkers.tokens_increase(ledger) == []


def test_under_caps_finds_one_too_many():
    ledger = good()
    ledger.services[2] = service(2, 1, 3, 4.5, 9.0)
    assert "tenant a held 2 of 1" in checkers.under_caps(ledger, CAPS)[0]


def test_fifo_finds_an_overtaking_across_tenants():
    assert "got AppA:x|||raw before c2" in checkers.first_in_first_out(good(), {"a": 2, "b": 2})[0]


def test_fifo_finds_an_overtaking_within_a_tenant():
    ledger = good()
    ledger.waits[2] = replace(ledger.waits[2], tenant="a")
    assert len(checkers.first_in_first_out(ledger, {"a": 0})) == 1


def test_fifo_lets_pass_whom_the_slot_does_not_fit():
    ledger = good()
    ledger.waits[1] = replace(ledger.waits[1], selector="AppB:x|||raw")
    assert checkers.first_in_first_out(ledger, {"a": 2, "b": 2}) == []


def test_fifo_lets_pass_whose_place_became_free_after_the_commit():
    """The gateway learned of the grant a poll later: by then the passed tenant had a place again."""
    ledger = good()
    ledger.services[0] = replace(ledger.services[0], ended=2.0)
    ledger.services[1] = service(3, 1, 2, 3.0, 4.0)
    ledger.grants[1] = grant(3, 1, 2, 2.9)
    assert len(checkers.first_in_first_out(ledger, CAPS)) == 0
    ledger.free.append(SlotFree("k1", 1, "AppA:x|||raw", 2.5, 2.9))
    assert len(checkers.first_in_first_out(ledger, CAPS)) == 1


def test_fifo_lets_pass_whom_had_left():
    ledger = good()
    ledger.waits[1] = replace(ledger.waits[1], ended=0.15)
    del ledger.grants[2]
    assert checkers.first_in_first_out(ledger, {"a": 2, "b": 2}) == []


def test_no_idle_slot_finds_one():
    ledger = good()
    ledger.services[0] = replace(ledger.services[0], ended=4.0)
    assert "free for 0.5" in checkers.no_idle_slot(ledger, CAPS)[0]


def test_no_idle_slot_blames_no_capped_tenant():
    assert checkers.no_idle_slot(good(), {"a": 1}) == []
    assert len(checkers.no_idle_slot(good(), {"a": 2})) == 1


def test_longest_below():
    spans = [(1, 3), (2, 6)]
    assert checkers.longest_below(spans, 1, 0, 10) == 4
    assert checkers.longest_below(spans, 2, 0, 10) == 7
    assert checkers.longest_below(spans, 0, 0, 10) == 0
    assert checkers.longest_below(spans, 1, 2, 5) == 0
    assert checkers.longest_below([], 1, 3, 5) == 2


def test_told_in_words_finds_silence():
    words = Saw("c", "a", "/", status=503, body='{"error":{"code":"shutting_down","message":"come back"}}')
    bare = Saw("c", "a", "/", status=503, body="busy")
    closed = Saw("c", "a", "/", status=101, error="ConnectionError: closed: worker lost")
    wordless = Saw("c", "a", "/", status=101, error="ConnectionError: closed: ")
    cut = Saw("c", "a", "/", status=101, echoed=3, error="IncompleteReadError: 0 bytes read")
    slow = Saw("c", "a", "/", error="TimeoutError: ")
    assert checkers.told_in_words([words, closed, saw(1, "a")]) == []
    assert len(checkers.told_in_words([bare, wordless, cut, slow])) == 4
    assert len(checkers.told_in_words([bare, wordless, cut, slow], resets=True)) == 3


def test_a_death_ends_what_was_served():
    worker = [line("k1", 1.0, event="session", slot=0, lease="w1.1", token="7/3")]
    ledger = Ledger.read([], [], worker, {"k1": 2.0})
    assert ledger.services[0].ended == 2.0


def test_schema_only_finds_a_key_left():
    keys = ["state", "tenant:a:held", "worker:w.1", "pool:x:y|||raw:rate", "pool:x:y|||raw:free"]
    left = checkers.schema_only([f"berth:{{f}}:{key}" for key in keys], ("state", "worker", "pool:*:rate"))
    assert left == ["left behind: berth:{f}:tenant:a:held", "left behind: berth:{f}:pool:x:y|||raw:free"]


def line(process, at, **fields):
    return Line(process, at, at, "", fields)


def test_a_ledger_is_read_from_logs():
    gateway = [
        line("g1", 1.0, event="accept", waiter="w1", tenant="a", selector="AppA:x|||raw", run="c1"),
        line("g1", 1.1, event="queued", waiter="w1", ticket="101"),
        line("g1", 2.0, event="grant", waiter="w1", lease="w1.1", worker="k.1", slot=0, token="7/3"),
        line("g1", 3.0, event="end", waiter="w1", outcome="served"),
    ]
    worker = [
        line("k1", 0.1, event="registered", worker="k.1"),
        line("k1", 0.2, event="slot", slot=0, state="free", pool="AppA:x|||raw"),
        line("k1", 2.1, event="session", slot=0, lease="w1.1", token="7/3"),
        line("k1", 3.0, event="end", slot=0, lease="w1.1", reason="client"),
        line("k1", 3.0, event="slot", slot=0, state="recycling"),
        line("k1", 3.2, event="slot", slot=0, state="free"),
        line("k1", 4.0, event="sidecar", slot=0, pid=1, state="ready"),
    ]
    ledger = Ledger.read([saw(1, "a")], gateway, worker)
    assert ledger.waits == [Wait("w1", "g1", "a", "AppA:x|||raw", "c1", 1.0, 101, 3.0, "served", 1)]
    assert ledger.grants == [Granted("w1", "w1.1", "k.1", 0, (7, 3), 2.0)]
    assert ledger.services == [Service("w1.1", "k1", 0, "AppA:x|||raw", (7, 3), 2.1, 3.0, "w1")]
    assert ledger.free == [SlotFree("k1", 0, "AppA:x|||raw", 0.2, 2.0), SlotFree("k1", 0, "AppA:x|||raw", 3.2, 4.0)]
    assert read_token("1/2") == (1, 2)


def test_a_waiter_enqueued_anew_keeps_its_name():
    gateway = [
        line("g1", 1.0, event="accept", waiter="w1", tenant="a", selector="AppA:x|||raw", run="c1"),
        line("g1", 1.5, event="enqueue_again", waiter="w1", **{"as": "w7"}),
    ]
    worker = [line("k1", 2.1, event="session", slot=0, lease="w7.1", token="7/3")]
    assert Ledger.read([], gateway, worker).services[0].waiter == "w1"


def test_a_slot_granted_in_the_millisecond_it_became_free_was_not_idle():
    worker = [
        line("k1", 0.1, event="registered", worker="k.1"),
        line("k1", 1.0, event="slot", slot=0, state="free", pool="AppA:x|||raw", token="7/1"),
        line("k1", 1.0, event="session", slot=0, lease="w2.1", token="7/2"),
        line("k1", 2.0, event="end", slot=0, lease="w2.1", token="7/2"),
        line("k1", 2.5, event="slot", slot=0, state="free", token="7/2"),
        line("k1", 2.6, event="session", slot=0, lease="w3.1", token="7/3"),
    ]
    ledger = Ledger.read([], [], worker)
    assert ledger.free == [SlotFree("k1", 0, "AppA:x|||raw", 1.0, 1.0), SlotFree("k1", 0, "AppA:x|||raw", 2.5, 2.6)]
