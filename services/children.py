"""One running process of a program: its output goes to a log file, its end is known, and it can be stopped."""

import asyncio
import os
import signal

from services.logfiles import RotatingFile
from services.programs import Program, kill_group, spawn

_LAST_READS = 32
"""More than a pipe holds; somebody outside the process group could go on writing for ever."""


class Child:
    """Starts ``program``. Make it on the main thread, inside the event loop that shall watch it."""

    def __init__(self, program: Program, log: RotatingFile) -> None:
        self._program = program
        self._log = log
        self._output, theirs = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        os.set_blocking(theirs, True)
        try:
            self._process = spawn(program, theirs)
        except OSError:
            os.close(self._output)
            raise
        finally:
            os.close(theirs)
        self._handle = os.pidfd_open(self._process.pid)
        self.ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._output, self._read)
        loop.add_reader(self._handle, self._end)

    @property
    def pid(self) -> int:
        """The process id, which is also that of its process group."""
        return self._process.pid

    @property
    def ending(self) -> str:
        """How it ended, for a person."""
        status = self._process.returncode
        return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"

    async def stop(self, hurry: asyncio.Event) -> bool:
        """Stop it, within its grace or until ``hurry``; then kill its process group. Whether it stopped by itself."""
        if self.ended.is_set():
            return True
        signal.pidfd_send_signal(self._handle, self._program.stop_signal)
        waits = [asyncio.ensure_future(self.ended.wait()), asyncio.ensure_future(hurry.wait())]
        await asyncio.wait(waits, timeout=self._program.grace_seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        by_itself = self.ended.is_set()
        if not by_itself:
            kill_group(self._process)
            await self.ended.wait()
        return by_itself

    def _read(self) -> bool:
        """Take what was written; whether there may be more."""
        try:
            data = os.read(self._output, 1 << 16)
        except BlockingIOError:
            return False
        if not data:
            asyncio.get_running_loop().remove_reader(self._output)
        self._log.write(data)
        return bool(data)

    def _end(self) -> None:
        """It has ended: take its last words, kill what is left of its process group, and let go of everything."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._handle)
        kill_group(self._process)
        for _ in range(_LAST_READS):
            if not self._read():
                break
        loop.remove_reader(self._output)
        self._process.wait()
        os.close(self._handle)
        os.close(self._output)
        self.ended.set()
