"""
``paramiko-gate doctor``: which processes of this machine spin on, or keep, dead proxies.

`census` finds the processes, `proxies` their proxy commands, `activity` measures them for a moment,
`diagnosis` decides, `report` prints. Nothing is attached to, signalled or changed: all of it is
read from what the kernel tells about a process.
"""
