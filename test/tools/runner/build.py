# SPDX-License-Identifier: Apache-2.0
"""The layers that build C++ and run what came out."""

import concurrent.futures
import glob
import os
import queue
import subprocess

from tools.runner.outcome import CACHE, JOBS, REPO, Outcome, ctest, step

# Random tests play the same cases in every run of this script: a change is judged by what it changes. Who looks for
# new cases sets RC_PARAMS=seed=N or BAREVIP_SEED=N (docs/testing.md).
SEED = 20_261_130


def prepare():
    """Installs what is missing and points the compiler's cache to ours."""
    os.environ.setdefault("CCACHE_DIR", os.path.join(CACHE, "ccache"))
    os.environ.setdefault("CCACHE_BASEDIR", REPO)
    os.environ.setdefault("CCACHE_NOHASHDIR", "1")
    os.environ.setdefault("RC_PARAMS", f"seed={SEED}")
    os.environ.setdefault("BAREVIP_SEED", str(SEED))
    subprocess.run(["test/setup"], cwd=REPO, check=True)


def build(preset, *targets):
    """Configures one CMake preset and builds the targets, or everything."""
    step(f"configure {preset}", ["cmake", "--preset", preset])
    chosen = ["--target", *targets] if targets else []
    step(f"build {preset}", ["cmake", "--build", "--preset", preset, "-j", str(JOBS), *chosen])


def unit():
    build("dev")
    return ctest("unit")


def wire():
    build("dev")
    return ctest("wire")


def sanitize():
    build("asan", "unit_and_wire_tests")
    outcome = ctest("asan")
    build("tsan", "unit_and_wire_tests")
    return outcome + ctest("tsan")


def fuzz():
    """Each fuzzer for FUZZ_SECONDS (60), as many at once as there are cores; a new input folder each time."""
    build("fuzz", "fuzzers")
    seconds = os.environ.get("FUZZ_SECONDS", "60")
    fuzzers = sorted(glob.glob(os.path.join(REPO, "build", "fuzz", "fuzz", "fuzz_*")))
    if not fuzzers:
        raise RuntimeError("no fuzzer was built")
    running: list[tuple] = []
    outcome, waiting = Outcome(0, 0), list(fuzzers)
    while waiting or running:
        while waiting and len(running) < JOBS:
            fuzzer = waiting.pop(0)
            name = os.path.basename(fuzzer)
            corpus = os.path.join(CACHE, "fuzz", name)
            os.makedirs(corpus, exist_ok=True)
            log = open(os.path.join(REPO, "build", "fuzz", name + ".log"), "w+", encoding="utf-8", errors="replace")
            print(f"{name} for {seconds} s ...", flush=True)
            command = [
                fuzzer,
                f"-max_total_time={seconds}",
                f"-seed={SEED}",
                "-timeout=10",
                "-rss_limit_mb=2048",
                "-max_len=65536",
                f"-artifact_prefix={REPO}/build/fuzz/{name}-",
                corpus,
            ]
            running.append(
                (
                    name,
                    log,
                    subprocess.Popen(command, cwd=REPO, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT),
                )
            )
        name, log, process = running.pop(0)
        status = process.wait()
        log.seek(0)
        tail = log.read()[-3000:]
        log.close()
        print(f"{name}: {tail.strip().splitlines()[-1] if status == 0 else tail}", flush=True)
        outcome += Outcome(1, 0) if status == 0 else Outcome(0, 1)
    return outcome


def kernel():
    """Runs the kernel tests inside User-Mode-Linux nodes, one a processor: they need ip_vs, and may break it."""
    build("dev")
    binaries = sorted(glob.glob(os.path.join(REPO, "build", "dev", "test", "*_kernel_test")))
    if not binaries:
        raise RuntimeError("no kernel test was built")
    processors: queue.SimpleQueue[int] = queue.SimpleQueue()
    for processor in os.sched_getaffinity(0):
        processors.put(processor)

    def run(binary):
        processor = processors.get()
        try:
            done = subprocess.run(
                [os.path.join(REPO, "test", "kernel", "run-in-uml"), f"--processor={processor}", binary],
                cwd=REPO,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                check=False,
            )
        finally:
            processors.put(processor)
        print(f"--- {os.path.basename(binary)}\n{done.stdout}", flush=True)
        return Outcome(1, 0) if done.returncode == 0 else Outcome(0, 1)

    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return sum(pool.map(run, binaries), Outcome(0, 0))
