"""
Servers of the gate: a bastion and a host behind it, real OpenSSH or embedded.

Role: `endpoint` says what a caller gets, `openssh` and `embedded` start one, `ending` stops it.
"""
