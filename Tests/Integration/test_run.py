"""`berth run`: commands that wait for a slot, run with it and give it back, whatever happens."""

import asyncio
import hashlib
import json
import os
import pty
import re
import signal
import termios

from support.api import API
from support.certificates import Authority
from support.fleet import Fleet, binary, eventually
from support.process import Process

KEY = "key-of-acme-123456"
# Says what it has, and goes on until it may end.
HOLD = 'echo "has $BERTH_LEASE $BERTH_SESSION $BERTH_URL"; while [ ! -e "$END" ]; do sleep 0.05; done; exit 7'


async def boards(fleet: Fleet, folder: str, count=1):
    path = os.path.join(folder, "pools.yaml")
    with open(path, "w", encoding="utf-8") as file:
        names = [f"board-{n}" for n in range(1, count + 1)]
        file.write(f"pools: {{boards: {{kind: lease, names: {json.dumps(names)}}}}}\n")
    worker = await fleet.worker({}, kind="lease", more=["--config", path])
    await fleet.grantable(count)
    return worker


def command(port: int, *shell: str, options=(), scheme="http") -> list[str]:
    words = ["sh", "-c", shell[0]] if len(shell) == 1 else list(shell)
    # The shell that started the tests may ignore some, and `berth run` then ignores them too.
    signals = ["env", "--default-signal=INT,QUIT,HUP"]
    return [*signals, binary("berth"), "run", "--gateway", f"{scheme}://localhost:{port}", *options, "--", *words]


async def begin(fleet: Fleet, name: str, argv: list[str], **env) -> Process:
    """`env` is added; the file that `$END` names ends the command HOLD."""
    end = os.path.join(fleet.folder, f"end-{name}")
    return fleet.keep(await Process.start(name, argv, fleet.folder, env={"END": end, **env}))


def let_end(fleet: Fleet, name: str):
    with open(os.path.join(fleet.folder, f"end-{name}"), "w", encoding="ascii"):
        pass


async def has(process: Process) -> list[str]:
    line = await process.wait_for(where=lambda line: line.text.startswith("has "), timeout=20)
    return line.text.split()[1:]


async def test_commands_share_a_board_in_their_order_and_pass_their_codes_on(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        await boards(fleet, folder)
        first = await begin(fleet, "first", command(gateway.port, HOLD, options=["--label", "boards"]))
        lease, session, url = await has(first)
        assert lease == "board-1" and url == f"http://localhost:{gateway.port}/v1/sessions/{session}"
        second = await begin(fleet, "second", command(gateway.port, HOLD, options=["--run", "second"]))
        await fleet.queued("second")
        # A log has the place of a client that waits for a while.
        wanted = "berth run: waiting: 0 ahead, all slots taken"
        await second.wait_for(where=lambda line: line.text.startswith(wanted), timeout=20)
        let_end(fleet, "first")
        assert await first.exit() == 7 and "berth run" not in first.output
        assert (await has(second))[0] == "board-1"
        assert re.search("^berth run: has board-1 after [0-9]+ s$", second.output, re.MULTILINE), second.output
        let_end(fleet, "second")
        assert await second.exit() == 7
        await fleet.nothing_held(within=10)
        assert await fleet.audit() == []


async def test_what_goes_wrong_has_a_code_and_words(folder):
    tenants = {"acme": {"keys": [hashlib.sha256(KEY.encode()).hexdigest()]}}
    async with Fleet(folder, tenants=tenants) as fleet:
        gateway = await fleet.gateway()
        await boards(fleet, folder)
        token = os.path.join(folder, "token")
        with open(token, "w", encoding="ascii") as file:
            file.write(KEY + "\n")

        async def ends(name, argv, code, *words, **env):
            process = await begin(fleet, name, argv, **env)
            assert await process.exit(timeout=20) == code, process.output
            for one in words:
                assert one in process.output, process.output
            await process.dispose()

        await ends("works", command(gateway.port, "exit 3"), 3, BERTH_TOKEN=KEY)
        await ends("file", command(gateway.port, "exit 4", options=["--token-file", token]), 4)
        await ends("killed", command(gateway.port, "kill -9 $$"), 137, BERTH_TOKEN_FILE=token)
        await ends("missing", command(gateway.port, "no-such-command", "x"), 127, "no command no-such-command")
        await ends("data", command(gateway.port, token, "x"), 126, "cannot be executed")
        await ends("key", command(gateway.port, "true"), 125, "key", BERTH_TOKEN="wrong")
        nowhere = command(gateway.port, "true", options=["--label", "none"])
        await ends("label", nowhere, 125, "No worker ever offered", BERTH_TOKEN=KEY)
        # Port 1 is nobody's.
        await ends("nobody", command(1, "true"), 125, "connection refused")
        await ends("tls", command(gateway.port, "true", scheme="https"), 125)
        await ends("address", [binary("berth"), "run", "--gateway", "gw", "--", "true"], 125, "'gw' is no host:port")
        secret = [binary("berth"), "run", "--gateway", f"http://{KEY}@localhost:1", "--", "true"]
        await ends("secret", secret, 125, "has a key in it", "BERTH_TOKEN")
        await ends("nothing", [binary("berth"), "run"], 64, "--")
        holder = await begin(fleet, "holder", command(gateway.port, HOLD), BERTH_TOKEN=KEY)
        await has(holder)
        await ends("wait", command(gateway.port, "true", options=["--wait", "0"]), 125, "No slot", BERTH_TOKEN=KEY)
        let_end(fleet, "holder")
        await holder.exit()
        await fleet.nothing_held(within=10)


async def test_a_slot_that_is_lost_ends_the_command(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        worker = await boards(fleet, folder)
        trap = "trap 'echo told; exit 0' TERM; " + HOLD
        one = await begin(fleet, "ended", command(gateway.port, trap))
        _, session, _ = await has(one)
        assert (await API(gateway.port).call("DELETE", f"/v1/sessions/{session}")).status == 204
        assert await one.exit() == 125 and "told" in one.output
        assert "berth run: the slot is lost: The session was ended by request" in one.output
        two = await begin(fleet, "crash", command(gateway.port, trap))
        await has(two)
        await worker.kill()
        assert await two.exit() == 125 and "The worker ended" in two.output
        await boards(fleet, folder)
        three = await begin(fleet, "gone", command(gateway.port, trap))
        await has(three)
        await gateway.kill()
        assert await three.exit() == 125 and "the slot is lost" in three.output


async def test_signals_go_to_the_command_and_a_kill_takes_it_along(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        await boards(fleet, folder)
        trap = "trap 'echo got one' USR1; trap 'echo got term; exit 9' TERM; " + HOLD
        one = await begin(fleet, "one", command(gateway.port, trap))
        await has(one)
        one.signal(signal.SIGUSR1)
        await one.wait_for(where=lambda line: line.text == "got one")
        waiting = await begin(fleet, "waiting", command(gateway.port, "true", options=["--run", "waiting"]))
        await fleet.queued("waiting")
        waiting.signal(signal.SIGINT)
        assert await waiting.exit() == 130
        await gateway.wait_for("end", run="waiting", outcome="left")
        one.signal(signal.SIGTERM)
        assert await one.exit() == 9 and "got term" in one.output

        two = await begin(fleet, "two", command(gateway.port, "echo pid $$; " + HOLD))
        pid = int((await two.wait_for(where=lambda line: line.text.startswith("pid "))).text.split()[1])
        await has(two)
        await two.kill()

        async def gone():
            return not os.path.exists(f"/proc/{pid}")

        await eventually(gone, 10, "the command is gone")
        await fleet.nothing_held(within=10)


async def test_a_command_that_waits_keeps_its_place_when_its_gateway_is_replaced(folder):
    async with Fleet(folder) as fleet:
        first, other = await fleet.gateway(), await fleet.gateway()
        await boards(fleet, folder)
        holder = await begin(fleet, "holder", command(other.port, HOLD))
        await has(holder)
        early = await begin(fleet, "early", command(first.port, HOLD, options=["--run", "early"]))
        await fleet.queued("early")
        late = await begin(fleet, "late", command(other.port, HOLD, options=["--run", "late"]))
        await fleet.queued("late")
        again = await fleet.restart(first)
        await again.wait_for("queued", timeout=40)
        let_end(fleet, "holder")
        assert (await has(early))[0] == "board-1"
        assert not late.events(None) or "has board" not in late.output
        let_end(fleet, "early")
        await has(late)
        let_end(fleet, "late")
        assert [await one.exit() for one in (early, late)] == [7, 7]
        await fleet.nothing_held(within=10)


async def test_tls_reaches_the_gateway(folder):
    async with Fleet(folder) as fleet:
        authority = Authority(folder)
        gateway = await fleet.gateway(more=authority.pair("gateway").flags)
        await boards(fleet, folder)
        options = ["--gateway-ca", authority.path]
        good = await begin(fleet, "good", command(gateway.port, "exit 5", options=options, scheme="https"))
        assert await good.exit(timeout=20) == 5, good.output
        bad = await begin(fleet, "bad", command(gateway.port, "exit 5", scheme="https"))
        assert await bad.exit(timeout=20) == 125 and "authority that is not trusted" in bad.output
        plain = await begin(fleet, "plain", command(gateway.port, "exit 5"))
        assert await plain.exit(timeout=20) == 125 and "TLS" in plain.output


class Terminal:
    """A shell's job on a terminal: the program has the terminal, and the keys reach it."""

    def __init__(self, argv: list[str], env: dict):
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, {**os.environ, **env})
        attributes = termios.tcgetattr(self.descriptor)
        attributes[1] &= ~termios.OPOST
        termios.tcsetattr(self.descriptor, termios.TCSANOW, attributes)
        os.set_blocking(self.descriptor, False)
        self.output = ""

    async def shows(self, words: str, *, times=1, timeout=20.0):
        async def seen():
            try:
                self.output += os.read(self.descriptor, 65_536).decode()
            except (BlockingIOError, OSError):
                pass
            return self.output.count(words) >= times

        await eventually(seen, timeout, f"the terminal shows {words!r}")

    def press(self, keys: bytes):
        os.write(self.descriptor, keys)

    async def exit(self) -> int:
        loop = asyncio.get_running_loop()
        _, status = await asyncio.wait_for(loop.run_in_executor(None, os.waitpid, self.pid, 0), 20)
        return os.waitstatus_to_exitcode(status)

    async def dispose(self):
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.close(self.descriptor)


async def test_on_a_terminal_the_wait_is_one_line_and_keys_reach_the_command_once(folder):
    async with Fleet(folder) as fleet:
        gateway = await fleet.gateway()
        await boards(fleet, folder)
        holder = await begin(fleet, "holder", command(gateway.port, HOLD))
        await has(holder)
        shell = "trap 'echo interrupted; exit 6' INT; echo has $BERTH_LEASE; read line; echo read $line; "
        # A shell runs a trap between two commands, so none of them is long.
        shell += "while :; do sleep 0.05; done"
        terminal = fleet.keep(Terminal(command(gateway.port, shell, options=["--label", "boards"]), {"TERM": "dumb"}))
        line = "\r\x1b[Kberth run: waiting for boards: 0 ahead, all slots taken"
        await terminal.shows(line)
        # It is drawn again, because more time has passed.
        await terminal.shows(line, times=2)
        assert "\n" not in terminal.output
        let_end(fleet, "holder")
        await terminal.shows("has board-1\n")
        terminal.press(b"hello\r")
        await terminal.shows("read hello\n")
        terminal.press(b"\x03")
        await terminal.shows("interrupted\n")
        assert await terminal.exit() == 6
        assert terminal.output.count("interrupted") == 1
        await fleet.nothing_held(within=10)
