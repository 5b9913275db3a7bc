#!/usr/bin/env python3
"""A client of Rondo in one file: asyncio and the standard library, Python 3.9 or newer.

    async with Client("127.0.0.1:7411,127.0.0.1:7421") as client:
        print(await client.run("echo", {"n": 1}, timeout="30s"))
        async for kind, value in client.stream("countdown", 3):
            print(kind, value)

From a shell: python3 rondo_client.py --help. The protocol is src/protocol/PROTOCOL.md.
"""
from __future__ import annotations

import argparse
import asyncio
import base64
import collections
import itertools
import json
import os
import random
import re
import secrets
import socket
import sys
import time

REPLY_BYTES_MAX = 64 << 20  # As much as a node keeps for one client by default.
READ_BYTES = 64 << 10  # A socket that nobody reads from holds twice this, and then TCP holds the node back.
CONNECT_SECONDS = 5.0
SEARCH_SECONDS = 10.0  # How long nodes are looked for once one is lost.
BUSY_SECONDS = 10.0
UNAVAILABLE_SECONDS = 5.0  # Long enough for the death of a node to be known, and its jobs to be taken over.
LOSSES_MAX = 5  # A request that is lost with its node so often may be what ends the nodes.
NO_ARGS = object()

Job = collections.namedtuple("Job", "id copies durable")
Event = collections.namedtuple("Event", "kind value")
Message = collections.namedtuple("Message", "topic data")


class RondoError(Exception):
    """What a node answers with ERR, or what keeps it from answering; `code` is one of PROTOCOL.md's, or NO_NODE or BAD_REPLY."""

    def __init__(self, code, message):
        super().__init__(f"{code} {message}")
        self.code, self.message = code, message


class JobFailed(RondoError):
    """The job failed for good: `id`, `name` and `reason` of its error, `attempts`."""

    def __init__(self, message):
        super().__init__("JOB_FAILED", message)
        facts = json.loads(message)
        self.id, self.name, self.reason, self.attempts = (facts.get(key) for key in ("id", "name", "message", "attempts"))


class ConnectionLost(RondoError):
    """The connection ended: nobody can know whether what was not answered has happened."""

    def __init__(self, message):
        super().__init__("UNAVAILABLE", message)


class Client:
    """Talks to a cluster. Calls share one connection, each with a tag; whoever follows a job or topics has a connection of its own."""

    def __init__(self, nodes=None, token=None):
        """`nodes`: addresses, as a list or with commas between; by default $RONDO_NODE. `token`: by default $RONDO_TOKEN."""
        nodes = nodes or os.environ.get("RONDO_NODE") or "127.0.0.1:7411"
        self.nodes = [each.strip() for each in (nodes.split(",") if isinstance(nodes, str) else nodes)]
        self._token = token or os.environ.get("RONDO_TOKEN")
        self._shared = None
        self._connecting = asyncio.Lock()
        self._wires = set()
        self._has_connected = self._is_closed = False

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.close()

    async def close(self):
        """Closes all connections. Jobs go on."""
        self._is_closed = True
        for wire in list(self._wires):
            wire.close()

    async def run(self, task, args=None, **options):
        """Runs a job and gives its result. Options are those of PROTOCOL.md; a number for a duration is seconds. An end of the waiting does not end the job."""
        return (await self._submission("RUN", task, args, options)).value()

    async def submit(self, task, args=None, **options):
        """Hands in a job and gives its id, with how many nodes hold it and whether on disk."""
        id, *promises = (await self._submission("SUBMIT", task, args, options)).text.split(" ")
        promised = dict(promise.split("=", 1) for promise in promises)
        return Job(id, int(promised["copies"]), promised["durable"] == "yes")

    async def wait(self, id, timeout=None):
        """Waits for the outcome of a job; `timeout` in seconds holds over all nodes that are asked."""
        ends = None if timeout is None else time.monotonic() + timeout

        def spell(limits):
            left = {} if ends is None else {"timeout": max(0.001, ends - time.monotonic())}
            return spelled(limits, "WAIT", [id], left)

        return (await self._ask(spell)).value()

    async def status(self, id):
        return (await self._ask_words("STATUS", id)).value()

    async def cancel(self, id):
        """Cancels a job, and comes back once it has really stopped."""
        await self._ask_words("CANCEL", id)

    async def nodes_seen(self):
        return (await self._ask_words("NODES")).value()

    async def publish(self, topic, data):
        """Sends a value, or bytes, to the subscribers of a topic, and gives their number. What was lost with its node is not sent twice."""
        heard = await self._ask(lambda limits: spelled(limits, "PUBLISH", [topic], {}, data), again=False)
        return heard.value()

    async def subscribers(self, *topics):
        return (await self._ask_words("SUBSCRIBERS", *topics)).value()

    async def subscribe(self, *topics, replay=0, on_gap=None):
        """Resolves once the subscription holds: iterate over it for (topic, data). When its node is lost it subscribes anew at
        the next one and calls `on_gap(why)`, as messages may have been missed meanwhile."""
        subscription = Subscription(self, topics, on_gap)
        await subscription._begin(replay)
        return subscription

    def watch(self, id):
        """Follows a job: (kind, value) where kind is `state`, `progress`, `data`, `missed`, and in the end `result`. A job that
        failed raises JobFailed. Who takes its time holds the task back at its `yield`; reads nothing for 30 s, and is cut off."""
        return self._follow(lambda limits: spelled(limits, "WATCH", [id]), id, again=True)

    def stream(self, task, args=None, **options):
        """Runs a job and follows it, as `watch` does. Who ends the iteration leaves the job as it is."""
        options = self._with_key(options)
        spell = lambda limits: spelled(limits, "RUN", [task], {**options, "stream": True}, args)
        return self._follow(spell, None, again="key" in options)

    async def _submission(self, verb, task, args, options):
        options = self._with_key(options)
        spell = lambda limits: spelled(limits, verb, [task], options, args)
        return await self._ask(spell, again="key" in options, submits=True)

    def _with_key(self, options):
        """With a key that is never used again a job can be asked for at another node, and is still one job."""
        if "key" in options or len(self.nodes) < 2:
            return options
        return {**options, "key": base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()}

    async def _ask_words(self, verb, *operands):
        return await self._ask(lambda limits: spelled(limits, verb, operands))

    async def _ask(self, spell, again=True, submits=False):
        attempts = Attempts(self, again, submits)
        while True:
            shared = await self._shared_connection()
            try:
                heard = await shared.ask(spell(shared.wire.limits))
                if heard.kind != "ERR":
                    return heard
                error = error_of(heard)
            except ConnectionLost as lost:
                self._skip(shared.wire.address)
                error = lost
            await attempts.after(error, shared.wire.address)

    async def _shared_connection(self):
        async with self._connecting:
            if self._shared is None or self._shared.wire.is_closed or self._shared.wire.address != self.nodes[0]:
                if self._shared is not None:
                    self._shared.retire()
                self._shared = SharedConnection(await self._open())
            return self._shared

    async def _open(self):
        """A connection to the first node that answers, from the one where the last search ended. That one is first then."""
        ends, faults, pause = time.monotonic() + SEARCH_SECONDS, {}, 0.05
        while not self._is_closed:
            for address in list(self.nodes):
                try:
                    wire = await Wire.open(address, self._token, self._wires)
                    self._has_connected = True
                    return wire
                except RondoError as error:
                    if error.code not in ("UNAVAILABLE", "TOO_MANY_CONNECTIONS"):
                        raise
                    faults[address] = str(error)
                    self._skip(address)
            if not self._has_connected or time.monotonic() > ends:
                raise RondoError("NO_NODE", "no node answers: " + "; ".join(faults.values()))
            await asyncio.sleep(pause * random.uniform(0.75, 1.25))
            pause = min(1.0, pause * 2)
        raise RondoError("UNAVAILABLE", "the client is closed")

    def _skip(self, address):
        if self.nodes[0] == address:
            self.nodes.append(self.nodes.pop(0))

    async def _follow(self, spell, id, again):
        attempts, told = Attempts(self, again, submits=id is None), Told()
        while True:
            wire = await self._open()
            told.begin_again()
            try:
                await wire.send(spell(wire.limits))
                heard = await wire.receive()
                while heard.kind not in ("OK", "ERR"):
                    value = heard.value()
                    if id is None and heard.kind == "state":  # From here on it is asked for by its id, and needs no key.
                        id, attempts.again, attempts.submits = value["id"], True, False
                        spell = lambda limits: spelled(limits, "WATCH", [id])
                    event = told.news(heard.kind, value)
                    if event is not None:
                        yield event
                    heard = await wire.receive()
                if heard.kind == "OK":
                    yield Event("result", heard.value())
                    return
                error = error_of(heard)
            except ConnectionLost as lost:
                self._skip(wire.address)
                error = lost
            finally:
                wire.close()
            await attempts.after(error, wire.address)


class Told:
    """What was told of a job already. Each run of it, by (owner, attempt), yields anew. A node that is asked again tells what it
    keeps from the beginning: of that, what was given is left out, and only a gap is told as `missed`."""

    def __init__(self):
        self._latest, self._run, self._given, self._place = {}, None, 0, 0

    def begin_again(self):
        self._place = 0

    def news(self, kind, value):
        if kind == "state" and self._run != (value["owner"], value["attempt"]):
            self._run, self._given, self._place = (value["owner"], value["attempt"]), 0, 0
        if kind in ("state", "progress"):
            is_news, self._latest[kind] = self._latest.get(kind) != value, value
            return Event(kind, value) if is_news else None
        if kind not in ("missed", "data"):
            return None  # Newer nodes may tell more.
        self._place += value["chunks"] if kind == "missed" else 1
        if self._place <= self._given:
            return None
        chunks, self._given = self._place - self._given, self._place
        return Event(kind, {**value, "chunks": chunks} if kind == "missed" else value)


class Subscription:
    """What is published to topics, as (topic, data). Is closed by `close`, or by leaving `async with`."""

    def __init__(self, client, topics, on_gap):
        self._client, self._topics, self._on_gap, self._wire, self._is_closed = client, topics, on_gap, None, False

    def __aiter__(self):
        return self

    async def __anext__(self):
        while True:
            try:
                heard = await self._wire.receive()
            except ConnectionLost as lost:
                if self._is_closed:
                    raise StopAsyncIteration from None
                self._wire.close()
                self._client._skip(self._wire.address)
                await self._begin(0)
                if self._on_gap is not None:
                    self._on_gap(lost.message)
                continue
            if heard.kind == "message":
                value = heard.value()
                return Message(heard.words["topic"], value) if heard.words else Message(value["topic"], value["data"])
            if heard.kind in ("OK", "ERR"):
                self._wire.close()
                if heard.kind == "ERR":
                    raise error_of(heard)
                raise StopAsyncIteration

    async def _begin(self, replay):
        attempts = Attempts(self._client, again=True)
        while True:
            self._wire = await self._client._open()
            try:
                options = {"replay": replay} if replay else {}
                await self._wire.send(spelled(self._wire.limits, "SUBSCRIBE", self._topics, options))
                heard = await self._wire.receive()
                if heard.kind == "subscribed":
                    return
                error = error_of(heard)
            except ConnectionLost as lost:
                self._client._skip(self._wire.address)
                error = lost
            except BaseException:
                self._wire.close()
                raise
            self._wire.close()
            await attempts.after(error, self._wire.address)

    async def close(self):
        """A node hears that a connection has ended only once it has something to say: so it is told."""
        self._is_closed = True
        if not self._wire.is_closed:
            await self._wire.send(("UNSUBSCRIBE", None), "end")
            self._wire.close()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.close()


class Attempts:
    """All attempts at one request, and whether there is another one after an error."""

    def __init__(self, client, again, submits=False):
        self._client, self.again, self.submits = client, again, submits
        self._losses = self._refusals = 0
        self._ends = {}

    async def after(self, error, address):
        """Comes back when the request is to be sent again; raises the error when it is not."""
        pause = 0.0
        if isinstance(error, ConnectionLost):
            self._losses += 1
            if self._client._is_closed or not self.again or self._losses > LOSSES_MAX:
                raise error
        elif error.code == "BUSY":
            pause = retry_after(error.message)
            self._within(BUSY_SECONDS, error, pause)
        elif error.code == "UNAVAILABLE" and self.again:
            pause = 0.2
            self._within(UNAVAILABLE_SECONDS, error, pause)
            self._client._skip(address)
        elif error.code in ("DRAINING", "STORE_FAILED") and self.submits and self._refusals < len(self._client.nodes) - 1:
            self._refusals += 1
            self._client._skip(address)
        else:
            raise error
        await asyncio.sleep(pause * random.uniform(0.75, 1.25))

    def _within(self, seconds, error, pause):
        ends = self._ends.setdefault(error.code, time.monotonic() + seconds)
        if time.monotonic() + pause > ends:
            raise error


class SharedConnection:
    """A connection that any number of requests share: each has a tag, and is answered when it is done."""

    def __init__(self, wire):
        self.wire = wire
        self._waiting = {}
        self._tags = itertools.count(1)
        self._is_retired = False
        self._reading = asyncio.ensure_future(self._read())

    async def ask(self, request):
        tag = str(next(self._tags))
        answer = self._waiting[tag] = asyncio.get_running_loop().create_future()
        if self.wire.is_closed:
            self._fail(ConnectionLost(f"{self.wire.address}: the connection is closed"))
        else:
            await self.wire.send(request, tag)
        return await answer

    def retire(self):
        """Closes it once all is answered."""
        self._is_retired = True
        if not self._waiting:
            self.wire.close()

    async def _read(self):
        end = ConnectionLost(f"{self.wire.address}: the connection is closed")
        try:
            while not (self._is_retired and not self._waiting):
                heard = await self.wire.receive()
                if heard.tag is None:
                    raise ConnectionLost(f"{self.wire.address}: {heard.text}")
                answer = self._waiting.pop(heard.tag, None)
                if answer is not None and not answer.done():
                    answer.set_result(heard)
        except RondoError as error:
            end = error
        finally:
            self.wire.close()
            self._fail(end)

    def _fail(self, error):
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(error)
        self._waiting.clear()


class Wire:
    """One connection. It is read only as far as somebody asks for what comes next, so that a slow reader holds the node back."""

    def __init__(self, address, reader, writer):
        self.address, self.is_closed, self.limits = address, False, {"lineBytesMax": 65536, "bodyBytesMax": 16 << 20}
        self._reader, self._writer, self._unread, self._sending = reader, writer, bytearray(), asyncio.Lock()

    @classmethod
    async def open(cls, address, token, wires):
        host, _, port = address.rpartition(":")
        try:
            dial = asyncio.open_connection(host.strip("[]"), int(port), limit=READ_BYTES)
            reader, writer = await asyncio.wait_for(dial, CONNECT_SECONDS)
        except (OSError, asyncio.TimeoutError) as error:
            raise ConnectionLost(f"{address}: {error or 'no answer'}") from error
        wire = cls(address, reader, writer)
        wire._keep_alive(writer.get_extra_info("socket"))
        wires.add(wire)
        wire._forget = lambda: wires.discard(wire)
        try:
            await asyncio.wait_for(wire._greet(token), CONNECT_SECONDS)
            return wire
        except BaseException as error:
            wire.close()
            if isinstance(error, asyncio.TimeoutError):
                raise ConnectionLost(f"{address}: no answer to HELLO") from None
            raise

    @staticmethod
    def _keep_alive(sock):
        """So that a machine that is gone is noticed also by who only listens."""
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    async def _greet(self, token):
        hello = (await self._exchange("HELLO")).value()
        self.limits = {**self.limits, **hello.get("limits", {})}
        if hello.get("auth"):
            if not token:
                raise RondoError("UNAUTHORIZED", f"{self.address} asks for a token: set $RONDO_TOKEN")
            await self._exchange("AUTH " + token)

    async def _exchange(self, line):
        await self.send((line, None), "hello")
        heard = await self.receive()
        if heard.kind == "ERR":
            raise error_of(heard)
        return heard

    async def send(self, request, tag="1"):
        line, body = request
        try:
            async with self._sending:
                self._writer.write(f"@{tag} {line}\n".encode())
                if body is not None:
                    self._writer.writelines([body, b"\n"])
                await self._writer.drain()
        except OSError:
            pass  # Whoever reads hears of it, after what the node has said last.

    async def receive(self):
        """The next reply or item, with its body."""
        line = (await self._line()).decode()
        spoken = re.fullmatch(r"(?:@(\S+) )?(OK|ERR|\* (\S+))(?: (.*))?", line, re.DOTALL)
        if spoken is None:
            raise RondoError("BAD_REPLY", f"{self.address} says what no node would: {line[:80]!r}")
        tag, first, item, text = spoken.groups()
        heard = Heard(tag, item or first, text or "")
        if first != "ERR" and heard.text.startswith("bytes="):
            heard.words = dict(word.split("=", 1) for word in heard.text.split(" "))
            heard.body = await self._bytes(int(heard.words["bytes"]))
        return heard

    async def _line(self):
        searched = 0
        while True:
            end = self._unread.find(b"\n", searched)
            if end >= 0:
                break
            searched = len(self._unread)
            await self._more(searched + 1)
        line = bytes(memoryview(self._unread)[:end])
        del self._unread[: end + 1]
        return line

    async def _bytes(self, count):
        """And the line break after them."""
        while len(self._unread) <= count:
            await self._more(count)
        body = bytes(memoryview(self._unread)[:count])
        del self._unread[: count + 1]
        return body

    async def _more(self, wanted):
        if wanted > REPLY_BYTES_MAX:
            raise ConnectionLost(f"{self.address}: a reply is over {REPLY_BYTES_MAX} bytes")
        try:
            chunk = await self._reader.read(READ_BYTES)
        except OSError as error:
            raise ConnectionLost(f"{self.address}: {error}") from error
        if not chunk:
            raise ConnectionLost(f"{self.address} closed the connection")
        self._unread += chunk

    def close(self):
        self.is_closed = True
        self._forget()
        self._writer.close()

    def _forget(self):
        pass


class Heard:
    """A reply (`OK`, `ERR`) or an item (`state`, `data`, ...) as it came."""

    def __init__(self, tag, kind, text):
        self.tag, self.kind, self.text, self.words, self.body = tag, kind, text, {}, None

    def value(self):
        if self.body is None:
            return json.loads(self.text) if self.text else None
        return self.body if self.words.get("type") == "binary" else json.loads(self.body)


def error_of(heard):
    code, _, message = heard.text.partition(" ")
    return JobFailed(message) if code == "JOB_FAILED" else RondoError(code, message)


def retry_after(message):
    """Seconds of `retry-after=250ms ...`."""
    found = re.match(r"retry-after=(\d+)(ms|s|m)\b", message)
    return int(found[1]) * {"ms": 0.001, "s": 1.0, "m": 60.0}[found[2]] if found else 0.2


def spelled(limits, verb, operands=(), options=None, args=NO_ARGS):
    """The line of a request, and its body: bytes, or JSON that is too long for the line."""
    words = [verb, *operands, *(word for name, value in (options or {}).items() for word in option_words(name, value))]
    for word in words:
        if re.fullmatch(r"[!-~]+", word) is None:
            raise RondoError("BAD_OPTION", f"{word!r} won't do: words are printable ASCII, without spaces")
    body, line = None, " ".join(words)
    if isinstance(args, (bytes, bytearray, memoryview)):
        body = bytes(args)
        line += f" bytes={len(body)}" + ("" if "type=json" in words or "type=binary" in words else " type=binary")
    elif args is not NO_ARGS:
        text = json.dumps(args, separators=(",", ":"), allow_nan=False)
        if len(line) + len(text) + 40 <= limits["lineBytesMax"]:  # 40: the tag.
            line += " " + text
        else:
            body = text.encode()
            line += f" bytes={len(body)}"
    if body is not None and len(body) > limits["bodyBytesMax"]:
        raise RondoError("BODY_TOO_LARGE", f"a body is at most {limits['bodyBytesMax']} bytes")
    return line, body


def option_words(name, value):
    if name == "on":
        return [f"on={tag}={each}" for tag, each in value.items()]
    if isinstance(value, bool):
        value = "yes" if value else "no"
    elif name in ("delay", "timeout", "backoff", "ttl") and isinstance(value, (int, float)):
        value = f"{round(value * 1000)}ms"
    elif isinstance(value, (list, tuple)):
        value = ",".join(value)
    return [f"{name}={value}"]


USAGE = """python3 rondo_client.py [--node HOST:PORT,...] COMMAND

  run TASK [option=value ...] [JSON|@FILE]     runs a job and prints its result; with stream=yes what it yields before that
  submit TASK [option=value ...] [JSON|@FILE]  hands in a job and prints its id
  wait ID [timeout=SECONDS]                    waits for a job and prints its result
  watch ID                                     prints what a job yields, then its result
  status ID  ·  cancel ID  ·  nodes
  publish TOPIC [JSON|@FILE]                   prints how many subscribers it was sent to
  subscribe TOPIC... [replay=N]                prints messages, one a line, until Ctrl-C
  subscribers TOPIC...                         prints how many there are

Options are those of PROTOCOL.md. @FILE sends the file as raw bytes, as `rondo run --binary` does (with type=json as JSON text), @- what is on
standard input. States and progress go to standard error. Nodes are those of $RONDO_NODE where --node is not given; $RONDO_TOKEN is shown to them.
Exit codes: 0 done, 1 it failed, 2 wrong usage."""


class UsageError(Exception):
    pass


def show(value, file=None):
    """Bytes as they are, all else as a line of JSON."""
    output = (file or sys.stdout).buffer
    if not isinstance(value, bytes):
        text = value if isinstance(value, str) and file else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        value = (text + "\n").encode("utf-8", "backslashreplace")
    output.write(value)
    output.flush()


def parsed(words):
    """Operands, options and arguments, told apart as a node does: JSON never begins with a word and `=`."""
    operands, options, args = [], {}, None
    for place, word in enumerate(words):
        option = re.match(r"([a-z]+)=(.*)", word, re.DOTALL)
        if place == 0:
            operands.append(word)
        elif option is not None and option[1] == "on":
            options.setdefault("on", {}).update([option[2].split("=", 1)])
        elif option is not None:
            options[option[1]] = option[2]
        elif word.startswith("@"):
            with open(0 if word == "@-" else word[1:], "rb") as file:
                args = file.read()
        else:
            try:
                args = json.loads(word)
            except ValueError as error:
                raise UsageError(f"{word!r} is not JSON (text needs quotes): {error}") from None
    if not operands:
        raise UsageError("what of? It is named after the command")
    return operands[0], options, args


async def show_events(events):
    has_values = False
    async for kind, value in events:
        if kind == "data":
            has_values = True
            show(value)
        elif kind == "result":
            if value is not None or not has_values:
                show(value)
        else:
            show(f"{kind} {json.dumps(value)}", sys.stderr)


async def show_messages(client, words):
    topics = [word for word in words if "=" not in word]
    replay = next((int(word[len("replay=") :]) for word in words if word.startswith("replay=")), 0)
    tell_gap = lambda why: show(f"messages may be missing: {why}", sys.stderr)
    async with await client.subscribe(*topics, replay=replay, on_gap=tell_gap) as messages:
        async for topic, data in messages:
            value = {"base64": base64.b64encode(data).decode()} if isinstance(data, bytes) else {"data": data}
            show({"topic": topic, **value})


async def perform(client, command, words):
    if command == "nodes":
        return show(await client.nodes_seen())
    if command == "subscribe":
        return await show_messages(client, words)
    if command == "subscribers":
        return show(await client.subscribers(*words))
    if command not in ("run", "submit", "wait", "watch", "status", "cancel", "publish"):
        raise UsageError(f"there is no command {command!r}")
    name, options, args = parsed(words)
    if command == "run" and options.pop("stream", "no") == "yes":
        await show_events(client.stream(name, args, **options))
    elif command == "run":
        show(await client.run(name, args, **options))
    elif command == "submit":
        show(((await client.submit(name, args, **options)).id + "\n").encode())
    elif command == "wait":
        show(await client.wait(name, float(options["timeout"]) if "timeout" in options else None))
    elif command == "watch":
        await show_events(client.watch(name))
    elif command == "status":
        show(await client.status(name))
    elif command == "cancel":
        await client.cancel(name)
    else:
        show(await client.publish(name, args))


async def connect_and_perform(nodes, command, words):
    async with Client(nodes) as client:
        await perform(client, command, words)


def main(words):
    nodes = None
    try:
        if words[:1] == ["--node"] and len(words) > 1:
            nodes, words = words[1], words[2:]
        if not words or words[0] in ("-h", "--help"):
            print(USAGE)
            return 0 if words else 2
        asyncio.run(connect_and_perform(nodes, words[0], words[1:]))
        return 0
    except UsageError as error:
        print(f"{error}. See --help", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0 if words[0] == "subscribe" else 130
    except BrokenPipeError:  # Whoever read has enough. Python would fail again at the end, flushing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except (RondoError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
