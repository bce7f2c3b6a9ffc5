"""
The regression gate: does a paramiko survive the death of its proxy command?

Role: judges any installed paramiko, in any interpreter, from outside. It may not import a
paramiko of any name, so that a broken one can still be judged and so that being installed costs
other test suites nothing. Used through ``paramiko-gate`` (`paramiko_gate.cli`) and as a pytest
plugin (`paramiko_gate.plugin`).
"""
