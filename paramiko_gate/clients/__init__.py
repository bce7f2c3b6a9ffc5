"""
Client programs: run by the target's interpreter, in a process of their own, as scripts.

Role: the only place where the paramiko under test is imported, by the name given as an argument.
They need nothing but that library, take orders as JSON lines and answer in JSON lines.
"""
