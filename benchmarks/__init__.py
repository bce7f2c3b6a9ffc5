"""
What stock and fork cost, measured side by side; run as ``python -m benchmarks``.
"""
