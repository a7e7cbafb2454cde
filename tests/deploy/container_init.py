"""The first process of a container of the tests, before it becomes the image's own: mounts, network, user.

Runs in new namespaces; the standard library alone. argv[1]: a JSON file, see containers.py.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def loopback_up() -> None:
    """SIOCSIFFLAGS (linux/sockios.h) with IFF_UP | IFF_RUNNING."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        fcntl.ioctl(asked, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))


def bind(source: str, target: Path, writable: bool) -> None:
    target.mkdir(parents=True, exist_ok=True)
    mount("--bind", source, str(target))
    if not writable:
        mount("-o", "remount,bind,ro", str(target))


def main() -> None:
    spec = json.loads(Path(sys.argv[1]).read_text())
    root = Path(spec["root"])
    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(root))
    for name in spec["system"]:
        source = Path("/", name)
        if source.is_symlink():
            (root / name).symlink_to(source.readlink())
        elif source.is_dir() and name != "opt":
            bind(str(source), root / name, False)
    for folder in ("proc", "dev", "tmp", "sys"):
        (root / folder).mkdir(exist_ok=True)
    mount("-t", "proc", "proc", str(root / "proc"))
    mount("--rbind", "/dev", str(root / "dev"))
    mount("--rbind", "/sys", str(root / "sys"))
    mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", str(root / "tmp"))
    # After /tmp: this checkout may lie there.
    for source, target, writable in spec["binds"]:
        bind(source, root / target.lstrip("/"), writable)
    loopback_up()
    mount("-o", "remount,ro,mode=755", str(root))
    os.chroot(root)
    os.chdir(spec["folder"])
    user, group = spec["user"]
    if os.getuid() == 0 and Path("/proc/self/uid_map").read_text().split()[2] != "1":
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
    os.execvpe(spec["command"][0], spec["command"], spec["environment"])


if __name__ == "__main__":
    main()
