"""``python -m paramiko_gate``: the same as the command ``paramiko-gate``."""

from paramiko_gate.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
