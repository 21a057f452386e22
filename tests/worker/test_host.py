"""Who we are, who lives, and whom the kernel killed."""

import os
import subprocess
import sys

from tests.worker.conftest import wait_until
from worker.host import boot_seconds, identity, is_alive, out_of_memory_kills


def test_the_kernels_kills_for_memory_are_counted_wherever_it_tells_them(tmp_path):
    machine, group = tmp_path / "vmstat", tmp_path / "memory.events"
    machine.write_text("nr_free_pages 12\noom_kill 2\nthp_fault_alloc 3\n")
    group.write_text("low 0\noom 4\noom_kill 1\noom_group_kill 0\n")
    assert out_of_memory_kills([machine, group, tmp_path / "missing"]) == 3


def test_this_machine_can_be_asked():
    assert out_of_memory_kills() >= 0


def test_a_process_is_alive_until_it_ends():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert is_alive(process.pid)
        process.kill()
        process.wait()
        assert not is_alive(process.pid)


def test_a_zombie_counts_as_dead():
    with subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE) as process:
        wait_until(lambda: not is_alive(process.pid))
        assert process.returncode is None, "nobody has waited for it yet"


def test_a_host_is_named_with_its_process_ids():
    """Process 7 of another container on this machine is not our process 7."""
    ours = identity()
    assert ours.pid == os.getpid()
    assert "/pid:[" in ours.host
    assert ours.boot_id


def test_the_boot_clock_counts():
    start = boot_seconds()
    wait_until(lambda: boot_seconds() > start)
