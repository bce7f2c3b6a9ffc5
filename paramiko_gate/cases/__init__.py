"""
The cases: one file a moment, one test a property, one parameter a fault.

Role: collected by ``paramiko-gate run`` and by ``pytest --pyargs paramiko_gate``. The docstring
of a test is what the report says of the case.
"""
