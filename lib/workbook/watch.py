"""What a running notebook costs, in seconds and memory; and its end, where it costs too much."""

import threading
import time

import psutil


class Watch(threading.Thread):
    """Measures the kernel's process tree, and ends it at the hard limit (in seconds, or in MiB)."""

    def __init__(self, limit_s: float, limit_mib: float):
        super().__init__(daemon=True)
        self.limit_s, self.limit_mib = limit_s, limit_mib
        self.start_s, self.cpu, self.peak_mib, self.broken = time.monotonic(), {}, 0.0, ""
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.2):
            kernels = psutil.Process().children(recursive=True)
            self.measure(kernels)
            seconds = time.monotonic() - self.start_s
            if seconds > self.limit_s:
                self.broken = f"it was stopped after {seconds:.0f} s; the hard limit is {self.limit_s:.0f} s"
            elif self.peak_mib > self.limit_mib:
                self.broken = f"it was stopped at {self.peak_mib:.0f} MiB; the hard limit is {self.limit_mib:.0f} MiB"
            if self.broken:
                for process in kernels:
                    process.kill()
                return

    def measure(self, kernels: list[psutil.Process]) -> None:
        own = shared = 0  # pages that several of them have are in memory once: a fork shares nearly all of its parent's
        for process in kernels:
            try:
                memory = process.memory_full_info() if len(kernels) > 1 else process.memory_info()
                alone = getattr(memory, "uss", memory.rss)
                own, shared = own + alone, max(shared, memory.rss - alone)
                times = process.cpu_times()
                self.cpu[process.pid] = times.user + times.system
            except psutil.Error:
                continue  # it ended between the two calls
        self.peak_mib = max(self.peak_mib, (own + shared) / 2**20)
